"""The style sheet of parity.html: the colours of web_demo/style.css; light, dark, on a phone and on paper."""

CSS = """
:root { color-scheme: light dark; --page:#f5f4f0; --card:#fff; --well:#eeede8; --line:#dedcd4; --ink:#1f2526;
--quiet:#566062; --accent:#2f6f73; --soft:#87918f; --good:#2c6e49; --good-page:#e6f1ea; --good-soft:#cfe3d6;
--bad:#a63a2b; --bad-ink:#8c2f22; --bad-page:#fbeae6; --warn:#8a5a00; --warn-page:#f8efdc; --sign:#fff; }
@media (prefers-color-scheme: dark) { :root:root { --page:#14191a; --card:#1c2324; --well:#2a3233; --line:#333d3e;
--ink:#e9eceb; --quiet:#a5b0b1; --accent:#7cc0bf; --soft:#7d8889; --good:#8fd3ab; --good-page:#1a2c23;
--good-soft:#2d4a3a; --bad:#f28b7a; --bad-ink:#ffb4a5; --bad-page:#37211d; --warn:#f0c069; --warn-page:#332a18;
--sign:#14191a; } }
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: clamp(14px, 3.5vw, 40px); background: var(--page);
color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans KR", "Noto Sans CJK KR",
sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
h1, h2, h3, p, ul, dl, dd, figure { margin: 0; padding: 0; }
ul { list-style: none; }
h1 { font-size: clamp(1.375rem, 1.1rem + 1.5vw, 2rem); line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; }
h2 { font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.01em; font-weight: 650; }
h3 { font-size: 1rem; font-weight: 600; }
.quiet, .lead, .eyebrow { color: var(--quiet); font-size: 0.875rem; }
.lead { margin-top: 4px; max-width: 74ch; font-size: 0.9375rem; }
.eyebrow { font-weight: 600; letter-spacing: 0.02em; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
white-space: nowrap; }
main { display: grid; gap: clamp(14px, 2vw, 22px); grid-template-columns: minmax(0, 1fr); }
.card, .masthead { padding: clamp(16px, 2.4vw, 28px); border: 1px solid var(--line); border-radius: 16px;
background: var(--card); }
.masthead { margin-bottom: clamp(14px, 2vw, 22px); border-top: 6px solid var(--warn); }
.masthead.passed { border-top-color: var(--good); background: linear-gradient(var(--good-page), var(--card) 190px); }
.masthead.failed { border-top-color: var(--bad); background: linear-gradient(var(--bad-page), var(--card) 190px); }
.masthead.not_run { background: linear-gradient(var(--warn-page), var(--card) 190px); }
.verdict { display: flex; gap: 14px; align-items: center; margin: 10px 0 8px; }
.verdict .sign { flex: none; width: 40px; height: 40px; }
.summary { max-width: 72ch; font-size: 1.0625rem; }
.key-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(138px, 1fr)); gap: 14px 20px;
margin-top: 20px; padding-top: 18px; border-top: 1px solid var(--line); }
.key-figures dt { color: var(--quiet); font-size: 0.8125rem; }
.key-figures dd { font-size: 1.25rem; font-weight: 600; }
.sign circle { fill: var(--warn); } .sign.passed circle { fill: var(--good); } .sign.failed circle { fill: var(--bad); }
.sign path { fill: none; stroke: var(--sign); stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.badge { display: inline-flex; gap: 6px; align-items: center; padding: 2px 10px 2px 4px; border-radius: 99px;
font-size: 0.8125rem; font-weight: 600; white-space: nowrap; background: var(--warn-page); color: var(--warn); }
.badge.passed { background: var(--good-page); color: var(--good); }
.badge.failed { background: var(--bad-page); color: var(--bad-ink); }
.badge .sign { flex: none; width: 16px; height: 16px; }
.reasons { margin-top: 6px; }
.reasons li { padding: 12px 0; border-bottom: 1px solid var(--line); }
.reasons li:last-child { padding-bottom: 0; border: 0; }
.reason-name, .rung-head { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; }
.reasons p { margin-top: 4px; font-size: 0.9375rem; }
table { width: 100%; margin-top: 14px; border-collapse: collapse; font-size: 0.9375rem; }
th, td { padding: 11px 14px 11px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
font-weight: 400; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { padding: 6px 14px 6px 0; color: var(--quiet); font-size: 0.8125rem; font-weight: 600; }
.number { text-align: right; white-space: nowrap; } .number .over-words { white-space: normal; }
tr > :last-child { padding-right: 0; }
td, thead th { overflow-wrap: normal; } td .badge { white-space: normal; line-height: 1.25; border-radius: 12px; }
thead th { white-space: nowrap; }
.variant { font-weight: 600; } th .variant { white-space: nowrap; }
.figure { white-space: nowrap; } .limit-words { color: var(--quiet); font-size: 0.8125rem; }
.over-words { color: var(--bad-ink); font-size: 0.875rem; font-weight: 600; }
.gate-bar { display: inline-block; width: 160px; height: 14px; margin: 3px 0 1px; vertical-align: middle; }
.track { fill: var(--well); } .allowed { fill: var(--good-soft); }
.under { fill: var(--good); } .over { fill: var(--bad); }
.none { fill: var(--card); stroke: var(--good); stroke-width: 1.6; }
.limit { stroke: var(--ink); stroke-width: 1.6; } .axis { stroke: var(--quiet); stroke-width: 1; }
.meanings { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 4px 24px; margin-top: 16px;
padding-top: 14px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.8125rem; }
.meanings dt { display: inline; font-weight: 600; } .meanings dt::after { content: ": "; }
.meanings dd { display: inline; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 22px 32px;
margin-top: 18px; }
.histogram { display: block; width: 100%; height: auto; margin-top: 8px; }
.histogram text { fill: var(--quiet); font-size: 10.5px; text-anchor: middle; }
.worst figure { padding: 14px; border: 1px solid var(--line); border-radius: 12px; }
.worst-head { display: flex; gap: 14px; min-height: 102px; } .worst-head img { flex: none; border-radius: 8px; }
.worst-words .badge { margin-top: 4px; }
.worst figcaption { margin-top: 10px; font-size: 0.8125rem; }
.probabilities { margin-top: 12px; font-size: 0.8125rem; }
.probabilities th, .probabilities td { padding: 4px 10px 4px 0; border: 0; vertical-align: top;
overflow-wrap: normal; }
.probabilities .number { width: 1%; white-space: nowrap; } .probabilities thead th:nth-child(n+2) { text-align: right; }
.probabilities tr > :last-child { padding-right: 0; }
.probabilities thead th:nth-child(n+2)::before { content: ""; display: inline-block; width: 9px; height: 9px;
margin-right: 5px; border-radius: 3px; background: var(--soft); }
.probabilities thead th:last-child::before { background: var(--accent); }
.bar { display: block; height: 4px; min-width: 1px; margin: 1px 0; border-radius: 2px; }
.bar.expected { background: var(--soft); } .bar.actual { background: var(--accent); }
.rung + .rung { margin-top: 26px; padding-top: 20px; border-top: 1px solid var(--line); }
.rung { margin-top: 16px; }
.share ul { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 8px; font-size: 0.875rem; }
.pieces { display: flex; gap: 2px; height: 14px; margin-top: 10px; } .piece { flex-basis: 0; border-radius: 3px; }
.swatch { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 3px; }
.piece-0 { background: var(--accent); } .piece-1 { background: var(--soft); } .piece-2 { background: var(--warn); }
.piece-3 { background: var(--quiet); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 8px 28px;
margin-top: 12px; font-size: 0.875rem; }
.facts dt { color: var(--quiet); }
footer { margin-top: 22px; color: var(--quiet); font-size: 0.8125rem; }
@media screen and (max-width: 1080px) {
.cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.cards, .cards :is(tr, th) { display: block; }
.cards tr { padding: 14px 0; border-bottom: 1px solid var(--line); }
.cards tbody { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 0 32px; }
.cards :is(th, td) { padding: 3px 0; border: 0; text-align: left; }
.cards td.absent { display: none; }
.cards td:not(.absent) { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: 8px; }
.cards td { overflow-wrap: anywhere; white-space: normal; }
.cards td::before { content: attr(data-label); color: var(--quiet); font-size: 0.875rem; }
.facts div { display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); gap: 8px; } .facts { gap: 4px; }
table:not(.cards) :is(th, td) { padding-right: 8px; }
.gate-bar { width: 100%; max-width: 180px; } .verdict .sign { width: 34px; height: 34px; }
}
@media screen and (max-width: 359px) { table:not(.cards) { font-size: 0.8125rem; } }
@media print {
:root:root { color-scheme: light; --page:#fff; --card:#fff; --well:#eeede8; --line:#ccc; --ink:#000; --quiet:#444;
--accent:#2f6f73; --soft:#87918f; --good:#2c6e49; --good-page:#fff; --good-soft:#cfe3d6; --bad:#a63a2b;
--bad-ink:#8c2f22; --bad-page:#fff; --warn:#8a5a00; --warn-page:#fff; --sign:#fff; }
* { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { max-width: none; padding: 0; font-size: 10pt; }
.cards { font-size: 7.5pt; } .cards :is(th, td) { padding: 7px 8px 7px 0; }
.cards :is(.quiet, .limit-words, .over-words,
.badge, thead th) { font-size: 7pt; } .gate-bar { width: 104px; } th .variant { white-space: normal; }
.card, .masthead { padding: 10px 0; border-width: 1px 0 0; border-radius: 0; background: none; }
tr, figure, .reasons li, .masthead, .facts div { break-inside: avoid; } h2, h3 { break-after: avoid; }
}
"""
