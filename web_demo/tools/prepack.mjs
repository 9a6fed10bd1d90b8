/** Makes what the npm package holds besides the sources: types/ from the JSDoc, and the licence. Run by `npm pack`. */
import {execFileSync} from 'node:child_process';
import {copyFile, rm} from 'node:fs/promises';
import path from 'node:path';

import {checkModules, exists, MODULES, SITE} from './bundling.mjs';

async function main() {
  await checkModules();
  if (!(await exists(path.join(SITE, 'vendor', 'files.json')))) throw new Error('vendor/ is missing; run "npm run vendor" first');
  await rm(path.join(SITE, 'types'), {recursive: true, force: true});
  const compiler = path.join(MODULES, 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '--project', path.join(SITE, 'jsconfig.types.json')], {stdio: ['ignore', 2, 2]});
  await copyFile(path.join(SITE, '..', 'LICENSE'), path.join(SITE, 'LICENSE'));
}

main().catch((error) => {
  console.error(`prepack: ${error.message}`);
  process.exitCode = 1;
});
