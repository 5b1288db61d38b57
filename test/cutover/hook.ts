/** What a hook of a cutover might do: read_only on the server of its argument, `host:port`. */
import { LoadClient } from '../support/load/client.ts';
import { LOGIN } from '../support/servers/mysql-data.ts';

const [host = '', port = ''] = (process.argv[2] ?? '').split(':');
await using client = await LoadClient.open({ host, port: Number(port), ...LOGIN });
await client.run(`SET GLOBAL read_only = ${process.env.RESHARD_FENCE === 'freeze' ? 'ON' : 'OFF'}`);
