// A back end (CSMS) on the server of the ocpp-rpc library (OCPP 1.6, 2.0.1 and 2.1), for the
// end-to-end tests: what others would put behind a gateway that relays.
//
// The library's strict mode judges every frame of both sides; whatever it objects to is a
// "violation". It lets every station in, says yes to everything, and sends a command of its own for
// each line that it reads: `start`, `stop` or `unlock`, and the station.
import { createInterface } from 'node:readline';
import ocppRpc from 'ocpp-rpc';
import { report, reportViolations } from './reporting.mjs';
import { validator21 } from './schemas21.mjs';

const { RPCServer, createRPCError } = ocppRpc;
const ACCEPTED = { status: 'Accepted' };
const clients = new Map(); // by station
const sessions = new Map(); // the transaction id that a station is charging under
let transactions = 100;
let starts = 0;

const now = () => new Date().toISOString();

const ANSWERS = {
  BootNotification: () => ({ ...ACCEPTED, currentTime: now(), interval: 300 }),
  Heartbeat: () => ({ currentTime: now() }),
  Authorize: ({ idTag }) => (idTag ? { idTagInfo: ACCEPTED } : { idTokenInfo: ACCEPTED }),
  StartTransaction: (_, station) => {
    sessions.set(station, ++transactions);
    return { transactionId: transactions, idTagInfo: ACCEPTED };
  },
  StopTransaction: () => ({}),
  TransactionEvent: ({ idToken, transactionInfo }, station) => {
    sessions.set(station, transactionInfo.transactionId);
    return idToken ? { idTokenInfo: ACCEPTED } : {};
  },
  StatusNotification: () => ({}),
  MeterValues: () => ({}),
};

const idToken = { idToken: 'DRIVER-1', type: 'ISO14443' };
const COMMANDS16 = {
  start: () => ['RemoteStartTransaction', { connectorId: 1, idTag: 'DRIVER-1' }],
  stop: (transactionId) => ['RemoteStopTransaction', { transactionId }],
  unlock: () => ['UnlockConnector', { connectorId: 1 }],
};
const COMMANDS2 = {
  start: () => ['RequestStartTransaction', { evseId: 1, remoteStartId: ++starts, idToken }],
  stop: (transactionId) => ['RequestStopTransaction', { transactionId }],
  unlock: () => ['UnlockConnector', { evseId: 1, connectorId: 1 }],
};

function serve(client) {
  const station = client.identity;
  clients.set(station, client);
  report('connected', { station, protocol: client.protocol });
  reportViolations(client, { station });
  client.on('disconnect', () => report('disconnected', { station }));
  client.handle(({ method, params }) => {
    report('heard', { station, method, params });
    if (!ANSWERS[method]) throw createRPCError('NotImplemented', method);
    return ANSWERS[method](params, station);
  });
}

async function command(line) {
  const [word, station] = line.split(' ');
  const client = clients.get(station);
  const commands = client.protocol === 'ocpp1.6' ? COMMANDS16 : COMMANDS2;
  const [method, params] = commands[word](sessions.get(station));
  try {
    report('answer', { station, method, result: await client.call(method, params) });
  } catch (error) {
    report('answer', { station, method, error: error.rpcErrorCode ?? error.message });
  }
}

const server = new RPCServer({
  protocols: ['ocpp2.1', 'ocpp2.0.1', 'ocpp1.6'],
  strictMode: true,
  strictModeValidators: [validator21],
});
server.on('client', serve);
await server.listen(Number(process.argv[2]), '127.0.0.1');
createInterface({ input: process.stdin }).on('line', command);
report('ready');
