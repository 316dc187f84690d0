/** Celery's own command line, run in one Python process: starting one for each command would be most of the time. */
import { type PythonCeleryOptions, runPython } from './python-celery.js';

export interface CeleryRun {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `celery -b <broker> <argv>`, one after the other. */
export async function runCelery(
  commands: readonly (readonly string[])[],
  options: PythonCeleryOptions & { readonly timeoutMs?: number },
): Promise<CeleryRun[]> {
  const snippet = `
    import contextlib, io
    from celery.bin.celery import celery as program
    result = []
    for argv in json.loads(${JSON.stringify(JSON.stringify(commands))}):
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                program.main(["-b", os.environ["CTQ_TEST_BROKER"], *argv], prog_name="celery", standalone_mode=True, auto_envvar_prefix="CELERY")
            except SystemExit as ending:
                code = ending.code or 0
        result.append({"argv": argv, "code": code, "stdout": out.getvalue(), "stderr": err.getvalue()})
  `;
  return (await runPython(snippet, options)) as CeleryRun[];
}
