/**
 * Errors that a visitor can act on. `code` and `params` name the sentence in js/app/text.js, so that the page can say it in
 * the visitor's language; `message` is the English sentence, for consoles and for the parity job.
 */
import {translate} from './app/text.js';

/** @typedef {import('./app/text.js').TextKey} TextKey */
/** @typedef {import('./app/text.js').TextParams} TextParams */
/** @typedef {Extract<TextKey, `error_${string}`>} ErrorCode */

export class PageError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {TextParams} [params] the values of the sentence's {placeholders}
   */
  constructor(code, params = {}) {
    super(translate('en', code, params));
    this.name = 'PageError';
    this.code = code;
    this.params = params;
  }
}

/**
 * Any thrown value as a PageError; what is not one of ours becomes `error_unexpected` with its own message.
 * @param {unknown} error
 * @returns {PageError}
 */
export function toPageError(error) {
  return error instanceof PageError ? error : new PageError('error_unexpected', {reason: describeReason(error)});
}

/**
 * The message of any thrown value (TF.js also throws strings and plain objects).
 * @param {unknown} error
 * @returns {string}
 */
export function describeReason(error) {
  if (error instanceof Error) return error.message;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
