/** Entry of the `reshard` command: parse, run, exit code. */
import { asReshardError, describeError } from '../../shared/runtime/error.ts';
import { exitCodeOf } from './cli/exit-code.ts';
import { program } from './cli/program.ts';

// Who reads our output may stop reading (`| head`): that is an end, not a failure.
process.stdout.on('error', (e: NodeJS.ErrnoException) => {
  if (e.code === 'EPIPE') process.exit(0);
  throw e;
});

try {
  process.exitCode = await program(process.argv);
} catch (e) {
  process.stderr.write(`reshard: ${describeError(e)}\n`);
  process.exitCode = exitCodeOf(asReshardError(e).kind);
}
// Sockets of libraries may still be open: everything that matters has been awaited above.
process.exit();
