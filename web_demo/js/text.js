/** Every sentence of the page, in Korean and English, and the language that is shown. */

/** @typedef {'en' | 'ko'} Language */
/** @typedef {keyof typeof EN} TextKey */
/** @typedef {Record<string, string | number>} TextParams */

const EN = {
  title: 'RE:ON face reading',
  tagline: 'Give it a photograph: it finds the face and says how much of each emotion the model sees in it.',
  drop_title: 'Drop a photograph here',
  drop_hint: 'JPEG, PNG, WebP. One face, seen from the front, works best.',
  choose_photo: 'Choose a photograph',
  use_sample: 'Try the sample',
  privacy: 'Nothing leaves this device: the photograph is read, cropped and classified inside this page.',
  caveat: 'The percentages say what the model makes of a picture. They do not say what a person feels.',
  skip: 'Skip to the result',
  photo_none: 'No photograph yet',
  photo_faces: 'Photograph, {count} faces outlined',
  photo_face: 'Photograph, one face outlined',
  result: 'Result',
  result_waiting: 'The reading appears here.',
  result_top: '{label}, {percent}',
  result_many: '{count} faces found. The largest one is read.',
  crop: 'What the model sees',
  emotions: 'Probabilities',
  facts: 'How this was made',
  fact_model: 'Model',
  fact_verdict: 'Checked',
  fact_backend: 'Runs on',
  fact_self_test: 'This device',
  fact_self_test_value: 'checked on {samples} crops: within {difference} of PyTorch',
  fact_self_test_missing: 'not checked: the model folder has no self-test',
  fact_time: 'Time',
  fact_model_value: '{name}, {precision} weights, {size}',
  fact_backend_value: '{backend}, {threads}, {reason}',
  threads_one: '1 thread',
  threads_many: '{count} threads',
  threads_none: 'graphics processor',
  reason_asked: 'as asked in the address',
  reason_first: 'first choice',
  reason_fallback: 'because {rejected}',
  rejected_item: '{backend} does not run ({reason})',
  fact_time_value: 'face {detectMs} ms, emotion {classifyMs} ms',
  fact_time_waiting: 'no photograph yet',
  verdict_passed: 'Passed. Largest difference in probability from PyTorch: {difference}, over {samples} face crops ({backend}).',
  verdict_passed_bare: 'Passed.',
  verdict_not_run: 'Not verified: this model was built without comparing it with PyTorch.',
  status_runtime: 'Starting the runtime',
  status_model: 'Loading the model: {done} of {total}',
  status_detector: 'Loading the face detector',
  status_warm_up: 'Warming up',
  status_ready: 'Ready.',
  status_working: 'Reading the photograph',
  status_done: 'Done.',
  error_title: 'That did not work',
  error_unexpected: 'Something unexpected happened: {reason}',
  error_vendor_missing: 'The folder web_demo/vendor cannot be loaded ({reason}). Make it with "npm ci" and "npm run vendor" in web_demo.',
  error_model_missing: 'There is no model at {url} ({reason}). Build one with "python -m reon_export build".',
  error_manifest_invalid: 'The model\'s manifest.json is not usable: {reason}. Build the model again with "python -m reon_export build".',
  error_no_artefact: 'The model folder holds no TF.js model. Build one with "python -m reon_export build".',
  error_precision_unknown: 'There is no TF.js model with {asked} weights; there is: {available}.',
  error_precision_refused: 'The {asked} model is refused: it failed its comparison with PyTorch ({reason}). Take ?precision= out of the address to use one that passed.',
  error_all_failed: 'No model is loaded: every one failed its comparison with PyTorch ({reason}).',
  error_file_missing: 'The model file {path} cannot be fetched ({reason}). Build the model again with "python -m reon_export build".',
  error_file_size: 'The model file {path} has {actual} bytes, the manifest says {expected}. It is damaged and was not loaded.',
  error_file_hash: 'The model file {path} is not the one that was built: its SHA-256 hash is {actual}, the manifest says {expected}. It was not loaded.',
  error_insecure: 'This page cannot verify its model here: browsers give the hash function only to https pages and to localhost.',
  error_model_invalid: 'The model cannot be used: {reason}. Build it again with "python -m reon_export build".',
  error_output_invalid: 'The model\'s answer cannot be used on the {backend} backend: {reason}.',
  error_backend_unknown: 'There is no backend called {asked}; choose one of {available}.',
  error_backend_failed: 'The {backend} backend was asked for, but does not run here: {reason}. Take ?backend= out of the address to let the page choose.',
  error_no_backend: 'TF.js runs on none of its backends here: {reason}.',
  error_detector: 'The face detector cannot be loaded: {reason}. Make it again with "npm run vendor" in web_demo.',
  error_not_an_image: '{name} is not a picture that this browser can open. Give a JPEG, PNG or WebP file.',
  error_not_a_video: '{name} is not a video that this browser can play ({reason}). Give an MP4 or WebM file.',
  error_video_cut: '{name} is cut off: its header says {stated} s, its frames end at {actual} s. Copy or download it again.',
  error_video_no_face: 'No face was found in any of the {count} frames of {name}. Use a video in which one face looks at the camera.',
  error_detector_size: 'The detector cannot look at {asked} pixels. Give a multiple of {step} from {least} to {most}, or take ?detector= out of the address.',
  error_no_file: 'What was dropped is not a file. Drop a JPEG, PNG or WebP file.',
  error_sample_missing: 'The sample photograph cannot be fetched ({reason}).',
  error_no_face: 'No face was found. Try a photograph in which the face is larger and looks at the camera.',
  error_box_invalid: 'The face box is not usable: {reason}.',
};

/** @type {Record<TextKey, string>} */
const KO = {
  title: 'RE:ON 표정 읽기',
  tagline: '사진을 넣으면 얼굴을 찾아, 모델이 본 감정을 각각 몇 퍼센트인지 알려 줍니다.',
  drop_title: '여기에 사진을 놓으세요',
  drop_hint: 'JPEG, PNG, WebP. 정면을 보는 얼굴 하나가 가장 좋습니다.',
  choose_photo: '사진 고르기',
  use_sample: '예시 사진',
  privacy: '사진은 이 기기를 떠나지 않습니다. 읽기, 자르기, 분류가 모두 이 페이지 안에서 이루어집니다.',
  caveat: '퍼센트는 모델이 사진을 어떻게 보았는지를 말할 뿐, 그 사람이 실제로 무엇을 느끼는지를 말하지 않습니다.',
  skip: '결과로 건너뛰기',
  photo_none: '아직 사진이 없습니다',
  photo_faces: '사진, 얼굴 {count}개 표시됨',
  photo_face: '사진, 얼굴 하나 표시됨',
  result: '결과',
  result_waiting: '결과가 여기에 나타납니다.',
  result_top: '{label} {percent}',
  result_many: '얼굴 {count}개를 찾았습니다. 가장 큰 얼굴을 읽었습니다.',
  crop: '모델이 보는 얼굴',
  emotions: '확률',
  facts: '어떻게 계산했나',
  fact_model: '모델',
  fact_verdict: '검증',
  fact_backend: '실행',
  fact_self_test: '이 기기',
  fact_self_test_value: '얼굴 {samples}장으로 확인: PyTorch와의 차이 {difference} 이내',
  fact_self_test_missing: '확인하지 않음: 모델 폴더에 자체 검사가 없습니다',
  fact_time: '시간',
  fact_model_value: '{name}, {precision} 가중치, {size}',
  fact_backend_value: '{backend}, {threads}, {reason}',
  threads_one: '스레드 1개',
  threads_many: '스레드 {count}개',
  threads_none: '그래픽 프로세서',
  reason_asked: '주소에서 지정함',
  reason_first: '첫 번째 선택',
  reason_fallback: '이유: {rejected}',
  rejected_item: '{backend} 실행 불가 ({reason})',
  fact_time_value: '얼굴 {detectMs} ms, 감정 {classifyMs} ms',
  fact_time_waiting: '아직 사진이 없습니다',
  verdict_passed: '통과. PyTorch와의 확률 차이는 얼굴 {samples}장에서 최대 {difference} ({backend}).',
  verdict_passed_bare: '통과.',
  verdict_not_run: '검증되지 않음: 이 모델은 PyTorch와 비교하지 않고 만들어졌습니다.',
  status_runtime: '실행 환경을 시작하는 중',
  status_model: '모델을 불러오는 중: {total} 중 {done}',
  status_detector: '얼굴 검출기를 불러오는 중',
  status_warm_up: '준비 운동 중',
  status_ready: '준비되었습니다.',
  status_working: '사진을 읽는 중',
  status_done: '완료.',
  error_title: '문제가 생겼습니다',
  error_unexpected: '예상하지 못한 문제가 생겼습니다: {reason}',
  error_vendor_missing: 'web_demo/vendor 폴더를 불러올 수 없습니다({reason}). web_demo에서 "npm ci"와 "npm run vendor"를 실행하세요.',
  error_model_missing: '{url}에 모델이 없습니다({reason}). "python -m reon_export build"로 만드세요.',
  error_manifest_invalid: '모델의 manifest.json을 쓸 수 없습니다: {reason}. "python -m reon_export build"로 다시 만드세요.',
  error_no_artefact: '모델 폴더에 TF.js 모델이 없습니다. "python -m reon_export build"로 만드세요.',
  error_precision_unknown: '{asked} 가중치의 TF.js 모델이 없습니다. 있는 것: {available}.',
  error_precision_refused: '{asked} 모델은 PyTorch와의 비교에서 떨어져 쓸 수 없습니다({reason}). 통과한 모델을 쓰려면 주소에서 ?precision=을 지우세요.',
  error_all_failed: '모든 모델이 PyTorch와의 비교에서 떨어져 아무것도 불러오지 않았습니다({reason}).',
  error_file_missing: '모델 파일 {path}을(를) 가져올 수 없습니다({reason}). "python -m reon_export build"로 다시 만드세요.',
  error_file_size: '모델 파일 {path}은(는) {actual}바이트인데 manifest에는 {expected}바이트라고 되어 있습니다. 손상되어 불러오지 않았습니다.',
  error_file_hash: '모델 파일 {path}이(가) 만들어진 파일과 다릅니다. SHA-256은 {actual}, manifest의 값은 {expected}입니다. 불러오지 않았습니다.',
  error_insecure: '여기서는 모델을 검증할 수 없습니다. 브라우저는 https 페이지와 localhost에서만 해시 함수를 제공합니다.',
  error_model_invalid: '모델을 쓸 수 없습니다: {reason}. "python -m reon_export build"로 다시 만드세요.',
  error_output_invalid: '{backend} 백엔드에서 모델의 출력을 쓸 수 없습니다: {reason}.',
  error_backend_unknown: '{asked}(이)라는 백엔드는 없습니다. {available} 중에서 고르세요.',
  error_backend_failed: '지정한 {backend} 백엔드가 여기서 실행되지 않습니다: {reason}. 주소에서 ?backend=을 지우면 페이지가 고릅니다.',
  error_no_backend: '여기서는 TF.js의 어떤 백엔드도 실행되지 않습니다: {reason}.',
  error_detector: '얼굴 검출기를 불러올 수 없습니다: {reason}. web_demo에서 "npm run vendor"를 다시 실행하세요.',
  error_not_an_image: '{name}은(는) 이 브라우저가 열 수 있는 사진이 아닙니다. JPEG, PNG, WebP 파일을 주세요.',
  error_not_a_video: '{name}은(는) 이 브라우저가 재생할 수 있는 동영상이 아닙니다 ({reason}). MP4나 WebM 파일을 넣어 주세요.',
  error_video_cut: '{name}이(가) 중간에 잘려 있습니다. 머리말에는 {stated}초인데 프레임은 {actual}초에서 끝납니다. 다시 복사하거나 내려받으세요.',
  error_video_no_face: '{name}의 프레임 {count}장 어디에서도 얼굴을 찾지 못했습니다. 한 사람이 카메라를 보는 동영상을 쓰세요.',
  error_detector_size: '검출기는 {asked}픽셀로 볼 수 없습니다. {least}에서 {most} 사이의 {step}의 배수를 주거나, 주소에서 ?detector=를 지우세요.',
  error_no_file: '놓은 것이 파일이 아닙니다. JPEG, PNG, WebP 파일을 놓으세요.',
  error_sample_missing: '예시 사진을 가져올 수 없습니다({reason}).',
  error_no_face: '얼굴을 찾지 못했습니다. 얼굴이 더 크고 카메라를 보는 사진을 써 보세요.',
  error_box_invalid: '얼굴 상자를 쓸 수 없습니다: {reason}.',
};

const TEXTS = {en: EN, ko: KO};

/**
 * A sentence with its {placeholders} filled in.
 * @param {Language} language
 * @param {TextKey} key
 * @param {TextParams} [params]
 * @returns {string}
 */
export function translate(language, key, params = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/**
 * `?lang=` if it is one that the page speaks, else the browser's language, else English.
 * @param {URLSearchParams} query
 * @returns {Language}
 */
export function pickLanguage(query) {
  const asked = query.get('lang') ?? navigator.language;
  return asked.toLowerCase().startsWith('ko') ? 'ko' : 'en';
}

/**
 * Fill every element that carries `data-text="key"`, and set the language of the document.
 * @param {Document} page
 * @param {Language} language
 */
export function showLanguage(page, language) {
  page.documentElement.lang = language;
  page.title = translate(language, 'title');
  for (const element of page.querySelectorAll('[data-text]')) {
    const key = element.getAttribute('data-text') ?? '';
    if (!(key in EN)) throw new Error(`the page asks for the text "${key}", which js/text.js does not have`);
    element.textContent = translate(language, /** @type {TextKey} */ (key));
  }
  for (const button of page.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.getAttribute('data-language') === language));
  }
}

/**
 * Bytes in the unit that people read: 8.1 MB (1 MB is 1,000,000 bytes).
 * @param {number} bytes
 * @param {Language} language
 * @returns {string}
 */
export function formatBytes(bytes, language) {
  return `${new Intl.NumberFormat(language, {maximumFractionDigits: 1, minimumFractionDigits: 1}).format(bytes / 1e6)} MB`;
}

/**
 * A probability 0..1 as a percentage with one decimal.
 * @param {number} probability
 * @param {Language} language
 * @returns {string}
 */
export function formatPercent(probability, language) {
  const digits = {style: /** @type {const} */ ('percent'), minimumFractionDigits: 1, maximumFractionDigits: 1};
  return new Intl.NumberFormat(language, digits).format(probability);
}
