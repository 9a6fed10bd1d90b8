/** The page: connects the parts and holds no logic of its own. */
import {find, isVideo, pickFiles} from './dom.js';
import {connectEngineers} from './engineers.js';
import {PageError} from '../errors.js';
import {findFolder, readFolder} from './folder.js';
import {connectFooter} from './footer.js';
import {createImitation} from './imitate/imitate.js';
import {createModel} from './model.js';
import {createReader} from './read/reader.js';
import {createStatus} from './status.js';
import {createTabs} from './tabs.js';
import {fetchSample} from './samples.js';
import {onLanguageChange, pickLanguage, rememberLanguage, setLanguage, translatePage} from './text.js';

const query = new URLSearchParams(location.search);
setLanguage(pickLanguage(query));
const status = createStatus(document.body, {
  line: find(document, '#status', HTMLElement),
  bar: find(document, '#progress', HTMLProgressElement),
  alert: find(document, '#alert', HTMLElement),
  alertText: find(document, '#alert-text', HTMLElement),
  remark: find(document, '#remark', HTMLElement),
});
const model = createModel(query, status, () => {
  imitation.reset();
  reader.reset();
  void engineers.show(model);
});
const reader = createReader(document.body, status, () => model.pipeline);
const imitation = createImitation(find(document, '#imitate', HTMLElement), status, () => model.pipeline, () => model.manifest);
const engineers = connectEngineers(document, {onChoice: model.choose, onFolder: (files, name) => void model.useFolder(async () => files, name)});
const tabs = createTabs(find(document, '[role=tablist]', HTMLElement), () => {
  reader.stop();
  imitation.stop();
});

/**
 * What is dropped or pasted goes to the card that it lands on, else to the part that is open. Two videos are the actor and you.
 * @param {readonly File[]} files
 * @param {EventTarget | null} target
 */
function takeFiles(files, target) {
  const [file, second] = files;
  const card = target instanceof Element ? target.closest('#actor, #user')?.id : undefined;
  const isImitation = tabs.selected === 'imitate' && file !== undefined && isVideo(file, file.name);
  const isPair = isImitation && second !== undefined && isVideo(second, second.name);
  if (file === undefined) status.fail(new PageError('error_no_file'));
  else if (isPair) {
    imitation.dropFile(file, file.name, 'actor');
    imitation.dropFile(second, second.name, 'user');
  } else if (isImitation) imitation.dropFile(file, file.name, card === 'actor' || card === 'user' ? card : null);
  else {
    tabs.select('read');
    reader.readFile(file, file.name);
  }
  const used = files.slice(0, isPair ? 2 : 1).map(({name}) => name);
  if (files.length > used.length) status.remark('dropped_more', {count: files.length, name: used.join(', ')});
}

function listen() {
  pickFiles(find(document, '#choose', HTMLButtonElement), find(document, '#picker', HTMLInputElement), (file) => reader.readFile(file, file.name));
  find(document, '#sample', HTMLButtonElement).addEventListener('click', () => void reader.readPhoto(() => fetchSample('photo')));
  find(document, '#camera', HTMLButtonElement).addEventListener('click', reader.useCamera);
  find(document, '#pause', HTMLButtonElement).addEventListener('click', reader.togglePause);
  find(document, '#stop', HTMLButtonElement).addEventListener('click', reader.stop);
  for (const button of document.querySelectorAll('[data-language]')) {
    button.addEventListener('click', () => {
      const language = button.getAttribute('data-language') === 'ko' ? 'ko' : 'en';
      rememberLanguage(language);
      setLanguage(language);
    });
  }
  // The whole window takes drops: a file dropped beside the frame must not replace the page.
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.dataset.dragging = '';
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) delete document.body.dataset.dragging;
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    delete document.body.dataset.dragging;
    const folder = findFolder(event.dataTransfer);
    if (folder !== null) void model.useFolder(() => readFolder(folder), folder.name);
    else takeFiles([...event.dataTransfer?.files ?? []], event.target);
  });
  addEventListener('paste', (event) => {
    const files = [...event.clipboardData?.files ?? []];
    if (files.length > 0) takeFiles(files, document.activeElement);
  });
}

onLanguageChange(() => translatePage(document));
translatePage(document);
void connectFooter(document);
void engineers.show(model);
listen();
// Until here a click would have been lost.
for (const panel of document.querySelectorAll('[role=tabpanel]')) panel.removeAttribute('inert');
