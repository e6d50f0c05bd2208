// A charge point on the ocpp-rpc library (OCPP 1.6, 2.0.1 and 2.1), for the end-to-end tests.
//
// The library judges every frame, ours and the broker's, against the standard's JSON schemas
// (strict mode); whatever it objects to is printed as a "violation". What happens is printed as one
// JSON object per line: {"event": ..., ...}. The handlers do what an honest station does: Accepted
// means that a session follows as soon as the cable is there, and nothing is reported that did not
// happen.
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import ocppRpc from 'ocpp-rpc';
import { report, reportViolations } from './reporting.mjs';
import { validator21 } from './schemas21.mjs';
import { ChargePoint16 } from './v16.mjs';
import { ChargingStation201 } from './v201.mjs';

const { RPCClient, createRPCError } = ocppRpc;

const DIALECTS = {
  '1.6': { protocol: 'ocpp1.6', Station: ChargePoint16 },
  '2.0.1': { protocol: 'ocpp2.0.1', Station: ChargingStation201 },
  '2.1': { protocol: 'ocpp2.1', Station: ChargingStation201 }, // says the same, judged by 2.1's schemas
};

function readOptions() {
  const { values } = parseArgs({
    options: {
      version: { type: 'string' }, // 1.6, 2.0.1 or 2.1
      id: { type: 'string' },
      url: { type: 'string' }, // without the id: ws://host:port/ocpp
      password: { type: 'string' }, // Basic auth, the user name is the id
      cable: { type: 'string', default: 'first' }, // first: before any start; last: after it; never
      'cable-delay-ms': { type: 'string', default: '500' },
      'connection-timeout-s': { type: 'string', default: '60' },
      tethered: { type: 'boolean', default: false }, // 1.6: no lock
      'tx-start-point': { type: 'string', default: 'EVConnected' }, // 2.x; or Authorized
    },
  });
  if (!DIALECTS[values.version] || !values.id || !values.url) {
    console.error('usage: charge_point.mjs --version 1.6|2.0.1|2.1 --id ID --url ws://HOST:PORT/ocpp');
    process.exit(2);
  }
  return {
    ...DIALECTS[values.version],
    id: values.id,
    url: values.url,
    password: values.password ?? null,
    cable: values.cable,
    tethered: values.tethered,
    bootReason: 'PowerUp',
    restart: async () => {}, // see main
    cableDelayMs: Number(values['cable-delay-ms']),
    connectionTimeoutS: Number(values['connection-timeout-s']),
    txStartPoint: values['tx-start-point'],
  };
}

function reportTraffic(client) {
  client.on('call', ({ outbound, payload: [, , method, params] }) => {
    report(outbound ? 'sent' : 'received', { method, params });
  });
  client.on('callResult', ({ outbound, method, result }) => {
    report(outbound ? 'answered' : 'answer', { method, result });
  });
  client.on('callError', ({ outbound, method, error }) => {
    if (outbound) report('refused', { method, code: error.rpcErrorCode, error: error.message });
  });
  client.on('disconnect', ({ code, reason }) => report('disconnected', { code, reason }));
  client.on('open', () => report('connected', { protocol: client.protocol }));
}

function takeOrders(client, station) {
  for (const [method, handler] of Object.entries(station.handlers())) {
    client.handle(method, ({ params }) => handler(params));
  }
  client.handle(({ method }) => {
    throw createRPCError('NotImplemented', `${method} is not implemented by this charge point`);
  });
}

// Boots until the broker accepts, waiting as long as it asks in between (OCPP 1.6 4.2, 2.0.1 B02).
async function boot(station) {
  for (;;) {
    const answer = await station.boot();
    report('booted', { status: answer.status, interval: answer.interval });
    if (answer.status === 'Accepted') return;
    await delay(Math.max(1, answer.interval) * 1000);
  }
}

async function main() {
  const options = readOptions();
  const client = new RPCClient({
    endpoint: options.url,
    identity: options.id,
    password: options.password,
    protocols: [options.protocol],
    strictMode: true,
    strictModeValidators: [validator21],
    callTimeoutMs: 20_000,
    // A back end may overlook that it has something to write until something arrives: a ping does.
    pingIntervalMs: 2_000,
  });
  const station = new options.Station(client, options, report);
  reportViolations(client);
  reportTraffic(client);
  takeOrders(client, station);
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => client.close({ code: 1000, reason: 'Switched off' }).then(() => process.exit(0)));
  }
  options.restart = async () => {
    await client.close({ code: 1001, reason: 'Restarting' });
    station.hold.forget(); // what a power cycle forgets
    options.bootReason = 'RemoteReset';
    await client.connect();
    await boot(station);
    await station.open();
    report('restarted');
  };
  await client.connect();
  await boot(station);
  await station.open();
  report('ready');
}

main().catch((error) => {
  report('failed', { error: error.message, code: error.code });
  process.exit(1);
});
