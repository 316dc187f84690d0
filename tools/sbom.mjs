/**
 * `npm run sbom -- [file]`: the list of what a user of this package gets along with it, as CycloneDX, from the lockfile: each package with its
 * version, checksum and licence. To stdout without a file. The release attaches it.
 *
 * npm makes the list; what only the workshop needs is taken out here, for `--omit=dev` also omits what both need (esbuild, debug).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function listAll() {
  const npm = /npm-cli\.c?js$/.test(process.env.npm_execpath ?? '') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const args = [...npm.slice(1), 'sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only', '--loglevel=error'];
  const { status, stdout, stderr, error } = spawnSync(npm[0], args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (error !== undefined || status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n', 1)[0]);
  return JSON.parse(stdout);
}

/** Without what only the workshop has, by the lockfile. */
function ofUsers(all) {
  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8'));
  const theirs = new Set(
    Object.entries(packages)
      .filter(([path, { dev }]) => path !== '' && dev !== true)
      .map(([path, { version }]) => `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`),
  );
  const components = all.components.filter((component) => theirs.has(component['bom-ref']));
  const top = all.metadata.component;
  const kept = new Set([top, ...components].map((component) => component['bom-ref']));
  return {
    ...all,
    // npm calls it after the folder.
    metadata: { ...all.metadata, component: { ...top, name: packages[''].name } },
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => kept.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) })),
  };
}

try {
  const text = `${JSON.stringify(ofUsers(listAll()), undefined, 2)}\n`;
  const file = process.argv[2];
  if (file === undefined) process.stdout.write(text);
  else writeFileSync(file, text);
} catch (error) {
  console.error(`sbom: ${error.message}`);
  process.exitCode = 1;
}
