/** Entry of the `reshard` command: parse, run, exit code. */
import { asReshardError, describeError } from '../../shared/runtime/error.ts';
import { exitCodeOf } from './cli/exit-code.ts';
import { program } from './cli/program.ts';

try {
  process.exitCode = await program(process.argv);
} catch (e) {
  process.stderr.write(`reshard: ${describeError(e)}\n`);
  process.exitCode = exitCodeOf(asReshardError(e).kind);
}
// Sockets of libraries may still be open: everything that matters has been awaited above.
process.exit();
