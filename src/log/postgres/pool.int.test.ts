/** What somebody sees who has not installed a client: in a process that finds neither package, or only one. */
import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

/** Opens an engine at a port where nobody listens, in a process that cannot find these packages; what it throws. */
function openWithout(missing: readonly string[], client?: string): Promise<string> {
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(specifier, context, next) {
      if (!${JSON.stringify(missing)}.includes(specifier)) return next(specifier, context);
      throw Object.assign(new Error('not found: ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' });
    } });`;
  const program = `const { hostEnv } = await import('./src/index.ts');
    const { postgres } = await import('./src/log/postgres.ts');
    const source = postgres({ connection: 'postgres://nobody@127.0.0.1:1/none', client: ${JSON.stringify(client)} });
    await source.open(hostEnv).catch((error) => console.log(error.kind, error.message));`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(hooks)}`, '--input-type=module', '-e', program];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, (error, said, complained) => {
      if (error === null) resolve(said);
      else reject(new Error(complained, { cause: error }));
    });
  });
}

test('without a client the engine names the command that installs one', async () => {
  expect(await openWithout(['pg', 'postgres'])).toMatch(/^misuse [^]*package=`pg`[^]*npm install pg\n/);
  expect(await openWithout(['postgres'], 'postgres')).toMatch(/^misuse [^]*npm install postgres\n/);
});

test('with either client it gets as far as the server, which is not there', async () => {
  const found = await Promise.all([openWithout(['postgres']), openWithout(['pg'])]);
  for (const said of found) expect(said).toMatch(/^unavailable PostgreSQL cannot be reached/);
});
