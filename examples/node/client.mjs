// Starts a charging session, follows it to its outcome, stops it again and prints each outcome as a
// line of JSON. It reads the protos when it starts: there is no generated code.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const { values: options } = parseArgs({
  options: {
    address: { type: 'string', default: '127.0.0.1:50051' },
    'api-key': { type: 'string', default: process.env.EVCOMMAND_API_KEY ?? '' },
    protos: { type: 'string', default: fileURLToPath(new URL('../../protos', import.meta.url)) },
    station: { type: 'string', default: 'stations/CP-1' },
    evse: { type: 'string', default: '1' },
    token: { type: 'string', default: 'DRIVER-1' },
    'patience-s': { type: 'string', default: '120' },
  },
});

const metadata = new grpc.Metadata();
if (options['api-key']) metadata.set('authorization', `Bearer ${options['api-key']}`);
const deadline = Date.now() + Number(options['patience-s']) * 1000;

function connect() {
  const definition = protoLoader.loadSync('evcommand/v1/remote_command_service.proto', {
    includeDirs: [options.protos],
    keepCase: true,
    enums: String,
    longs: String,
  });
  const { RemoteCommandService } = grpc.loadPackageDefinition(definition).evcommand.v1;
  return new RemoteCommandService(options.address, grpc.credentials.createInsecure());
}

function caller(broker) {
  return (method, request) => promisify(broker[method]).call(broker, request, metadata, { deadline });
}

// StartSession returns when the station has answered; then the command is watched until it is done. A
// program that shows progress to a driver does the same. With the same request_id, a repeat after a
// lost reply is the same command; without it, a repeat would start a second session.
async function startSession(broker) {
  const { command } = await caller(broker)('StartSession', {
    station: options.station,
    evse_id: Number(options.evse),
    id_token: { value: options.token, type: 'ID_TOKEN_TYPE_ISO14443' },
    request_id: randomUUID(),
    options: { wait_for: 'WAIT_FOR_STATION_ANSWER', labels: { client: 'node' } },
  });
  return untilDone(broker, command);
}

// Stops what the start command started, and lets the call itself wait for the outcome.
async function stopSession(broker, startCommand) {
  const { command } = await caller(broker)('StopSession', {
    start_command: startCommand,
    request_id: randomUUID(),
    options: { wait_for: 'WAIT_FOR_OUTCOME' },
  });
  return untilDone(broker, command);
}

// Watches a command to its end. A broken stream is resumed after the last message.
async function untilDone(broker, command) {
  let resumeToken = '';
  while (command.state !== 'STATE_DONE') {
    const request = { names: [command.name], resume_token: resumeToken };
    const stream = broker.WatchCommands(request, metadata, { deadline });
    stream.on('error', () => {}); // the loop below handles it; cancel() causes one, too
    try {
      for await (const change of stream) {
        ({ command, resume_token: resumeToken } = change);
        console.error(`${command.name}: ${command.state} ${command.progress ?? ''}`);
        if (command.state === 'STATE_DONE') break;
      }
    } catch (error) {
      if (error.code !== grpc.status.UNAVAILABLE) throw error;
      await delay(1000);
    } finally {
      stream.cancel();
    }
  }
  return command;
}

// Prints the outcome. Every outcome but SUCCEEDED is an error.
function show({ name, kind, state, outcome }) {
  const { transaction, transaction_id } = outcome.session ?? {};
  const { code, cause, message } = outcome;
  const line = { command: name, kind, state, code, cause, message, transaction, transaction_id };
  console.log(JSON.stringify(line));
  if (code !== 'CODE_SUCCEEDED') throw new Error(`${kind}: ${message}`);
}

const broker = connect();
try {
  const started = await startSession(broker);
  show(started);
  show(await stopSession(broker, started.name));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  broker.close();
}
