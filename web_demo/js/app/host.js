/**
 * Starts the page from js/ where vendor/ has not been made: it then says so itself. Says why the page does not start where
 * no module can be loaded: opened as a file, in a sandboxed frame, or from an incomplete folder. A classic script with its
 * own sentences, because no module is there to say it.
 */
addEventListener('error', (event) => {
  if (!(event.target instanceof HTMLScriptElement)) return;
  if (event.target.getAttribute('src') === 'vendor/page.js') {
    document.head.append(Object.assign(document.createElement('script'), {type: 'module', src: 'js/app/main.js'}));
    return;
  }
  const show = () => {
    const alert = document.querySelector('#alert');
    const text = document.querySelector('#alert-text');
    if (!(alert instanceof HTMLElement) || text === null) return;
    text.textContent = explainHost().join(' ');
    alert.hidden = false;
    document.querySelector('#progress')?.remove(); // nothing is under way
    document.body.dataset.state = 'error';
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', show);
  else show();
}, true);

/** @returns {string[]} one sentence in Korean, one in English */
function explainHost() {
  if (location.protocol === 'file:') {
    return [
      '파일로 연 페이지에서는 브라우저가 모듈을 불러오지 않습니다. "python -m reon_export serve"를 실행하거나 "build --standalone"으로 만든 파일을 여세요.',
      'Browsers load no modules for a page that is opened as a file. Run "python -m reon_export serve", or open the file that "build --standalone" makes.',
    ];
  }
  if (origin === 'null') {
    return [
      '격리된 프레임 안에서는 페이지를 불러올 수 없습니다. sandbox 속성에 allow-same-origin을 추가하거나 새 탭에서 여세요.',
      'The page cannot load in a sandboxed frame. Add allow-same-origin to its sandbox attribute, or open the page in a tab of its own.',
    ];
  }
  return [
    '페이지의 스크립트를 불러올 수 없습니다. 새로고침해도 같으면 폴더에서 빠진 파일이 있는지 확인하세요.',
    'A script of the page cannot be loaded. Reload the page; if that does not help, check that no file is missing from its folder.',
  ];
}
