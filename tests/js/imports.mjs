/** Who imports whom among the page's modules, and which of it is wrong. */
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';

/** From the bottom up. A module may import its own level and those below it. */
export const LEVELS = ['errors and constants', 'pixels', 'inference', 'library', 'app', 'entry points'];

/**
 * @param {string} root the folder js/
 * @returns {Map<string, string[]>} the modules that each module imports, by path below `root`, type imports left out
 */
export function readImports(root) {
  const files = readdirSync(root, {recursive: true}).map(String).filter((name) => name.endsWith('.js'));
  return new Map(files.map((name) => {
    const code = readFileSync(path.join(root, name), 'utf-8').replace(/\/\*[\s\S]*?\*\//g, '');
    const found = [
      ...code.matchAll(/^(?:import|export)\b[^'"]*?from\s*['"](\.[^'"]+)['"]/gm),
      ...code.matchAll(/^import\s*['"](\.[^'"]+)['"]/gm),
      ...code.matchAll(/\bimport\(\s*['"](\.[^'"]+)['"]/g),
      ...code.matchAll(/new URL\(\s*['"](\.[^'"]+\.js)['"]/g),
    ].map((match) => path.normalize(path.join(path.dirname(name), match[1])));
    return [name, [...new Set(found)]];
  }));
}

/**
 * @param {string} name of a module, below js/
 * @returns {number} index in LEVELS
 */
export function levelOf(name) {
  const room = name.includes('/') ? name.split('/')[0] : '';
  if (room !== '') return {pixels: 1, inference: 2, clips: 3, app: 4}[room] ?? -1;
  if (name === 'errors.js' || name === 'vendor.js') return 0;
  return name === 'parity.js' || name === 'bench.js' ? 5 : 3;
}

/**
 * @param {Map<string, string[]>} imports
 * @returns {string[]} every import that points up, every module without a place, and one circle if there is one
 */
export function findFaults(imports) {
  const faults = [];
  for (const [name, imported] of imports) {
    if (levelOf(name) < 0) faults.push(`${name} is in no room`);
    for (const other of imported) {
      if (!imports.has(other)) faults.push(`${name} imports ${other}, which is not there`);
      else if (levelOf(other) > levelOf(name)) faults.push(`${name} imports ${other}, which is above it`);
    }
  }
  const circle = findCircle(imports);
  return circle === null ? faults : [...faults, `a circle: ${circle.join(' -> ')}`];
}

/**
 * @param {Map<string, string[]>} imports
 * @returns {string[] | null}
 */
function findCircle(imports) {
  /** @type {Set<string>} */
  const done = new Set();
  /** @type {(name: string, trail: string[]) => string[] | null} */
  const visit = (name, trail) => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const other of imports.get(name) ?? []) {
      const found = visit(other, [...trail, name]);
      if (found !== null) return found;
    }
    done.add(name);
    return null;
  };
  for (const name of imports.keys()) {
    const found = visit(name, []);
    if (found !== null) return found;
  }
  return null;
}
