// The library ships the schemas of OCPP 2.1 under names ("urn:HeartbeatRequest") that its own look-up
// ("urn:Heartbeat.req", "urn:Heartbeat.conf") does not find, so that its strict mode refuses every
// message of 2.1. This gives it the same schemas under the names it looks for.
import { createRequire } from 'node:module';
import ocppRpc from 'ocpp-rpc';

const schemas = createRequire(import.meta.url)('ocpp-rpc/lib/schemas/ocpp2_1.json');

const lookedFor = (id) => id.replace(/Request$/, '.req').replace(/Response$/, '.conf');

export const validator21 = ocppRpc.createValidator(
  'ocpp2.1',
  schemas.map((schema) => ({ ...schema, $id: lookedFor(schema.$id) })),
);
