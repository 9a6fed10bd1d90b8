/** A button over each of several faces: the one that is read is pressed, and a click or a key takes another. */
import {setText} from '../dom.js';

/** @typedef {import('../../pixels/crop.js').Box} Box */
/**
 * @typedef {object} FaceButtonsContent
 * @property {readonly Box[]} faces in the order of their buttons
 * @property {number} chosen index
 * @property {number} width of the frame
 * @property {number} height
 * @property {(index: number) => string} name for screen readers
 * @property {(index: number) => string} caption written under the face; empty: nothing
 */

/**
 * @param {HTMLElement} container covers the picture exactly
 * @param {(face: Box) => void} onChoose
 * @returns {{show: (content: FaceButtonsContent | null) => void}} null: none
 */
export function createFaceButtons(container, onChoose) {
  /** @type {readonly Box[]} */
  let faces = [];
  return {
    show(content) {
      faces = content !== null && content.faces.length > 1 ? content.faces : [];
      while (container.children.length > faces.length) container.lastElementChild?.remove();
      while (container.children.length < faces.length) container.append(createButton(container.children.length));
      if (content === null) return;
      const {width, height, chosen, name, caption} = content;
      faces.forEach((face, i) => {
        const button = /** @type {HTMLElement} */ (container.children[i]);
        const place = {left: face.x / width, top: face.y / height, width: face.width / width, height: face.height / height};
        for (const [property, share] of Object.entries(place)) button.style.setProperty(property, `${share * 100}%`);
        button.setAttribute('aria-pressed', String(i === chosen));
        button.setAttribute('aria-label', name(i));
        setText(button.children[0], caption(i));
      });
    },
  };

  /** @param {number} index */
  function createButton(index) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(document.createElement('span'));
    button.addEventListener('click', () => onChoose(faces[index]));
    return button;
  }
}
