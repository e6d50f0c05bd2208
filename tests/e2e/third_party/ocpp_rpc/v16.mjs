// OCPP 1.6: one connector, one session at a time.
import { setTimeout as delay } from 'node:timers/promises';
import { Hold } from './hold.mjs';

const CONNECTOR = 1;

/** The driver's and the station's side of OCPP 1.6, on an ocpp-rpc client. */
export class ChargePoint16 {
  constructor(client, options, report) {
    this.client = client;
    this.options = options;
    this.report = report;
    this.status = 'Available';
    this.cable = false;
    this.session = null; // { idTag, transactionId } from the remote start to the end
    this.meterWh = 1000;
    this.hold = new Hold((id) => this.onExpiry(id));
  }

  boot() {
    return this.client.call('BootNotification', {
      chargePointVendor: 'ocpp-rpc',
      chargePointModel: 'test-16',
      chargePointSerialNumber: this.options.id.slice(0, 25),
      firmwareVersion: '2.2.1',
    });
  }

  async open() {
    await this.notify(0, 'Available');
    await this.show('Available');
    if (this.options.cable === 'first') await this.plugIn();
  }

  handlers() {
    return {
      RemoteStartTransaction: (request) => this.onStart(request),
      RemoteStopTransaction: (request) => this.onStop(request),
      TriggerMessage: (request) => this.onTrigger(request),
      GetConfiguration: (request) => this.onGetConfiguration(request),
      UnlockConnector: () => this.onUnlock(),
      Reset: ({ type }) => this.onReset(type),
      ReserveNow: (request) => this.onReserve(request),
      CancelReservation: ({ reservationId }) => this.onCancelReservation(reservationId),
    };
  }

  onStart({ idTag, connectorId = CONNECTOR }) {
    if (this.session || connectorId !== CONNECTOR) return { status: 'Rejected' };
    if (this.hold.isFor(idTag)) return { status: 'Rejected' };
    this.session = { idTag, transactionId: null };
    this.afterAnswer(() => this.startSession());
    return { status: 'Accepted' };
  }

  onStop({ transactionId }) {
    if (this.session?.transactionId !== transactionId) return { status: 'Rejected' };
    this.afterAnswer(() => this.endSession('Remote'));
    return { status: 'Accepted' };
  }

  onUnlock() {
    if (this.options.tethered) return { status: 'NotSupported' };
    if (this.session?.transactionId) this.afterAnswer(() => this.endSession('UnlockCommand'));
    return { status: 'Unlocked' };
  }

  onReset(type) {
    this.afterAnswer(async () => {
      if (this.session?.transactionId) await this.endSession(`${type}Reset`);
      await this.options.restart();
    });
    return { status: 'Accepted' };
  }

  onReserve({ connectorId, expiryDate, idTag, reservationId }) {
    if (connectorId > CONNECTOR) return { status: 'Rejected' };
    if (this.session || this.cable) return { status: 'Occupied' };
    const status = this.hold.make(reservationId, idTag, expiryDate);
    if (status === 'Accepted') this.afterAnswer(() => this.show('Reserved'));
    return { status };
  }

  onCancelReservation(id) {
    const status = this.hold.cancel(id);
    if (status === 'Accepted') this.afterAnswer(() => this.show('Available'));
    return { status };
  }

  async onExpiry() {
    await this.show('Available');
  }

  onTrigger({ requestedMessage }) {
    const messages = {
      BootNotification: () => this.boot(),
      Heartbeat: () => this.client.call('Heartbeat', {}),
      StatusNotification: () => this.show(this.status),
      MeterValues: () => this.sendMeterValues(),
    };
    const send = messages[requestedMessage];
    if (!send) return { status: 'NotImplemented' };
    this.afterAnswer(send);
    return { status: 'Accepted' };
  }

  onGetConfiguration({ key: asked = [] }) {
    const settings = {
      AuthorizeRemoteTxRequests: 'true',
      ConnectionTimeOut: String(this.options.connectionTimeoutS),
      HeartbeatInterval: '300',
      NumberOfConnectors: '1',
      SupportedFeatureProfiles: 'Core,RemoteTrigger,Reservation',
    };
    const keys = asked.length ? asked : Object.keys(settings);
    return {
      configurationKey: keys
        .filter((key) => key in settings)
        .map((key) => ({ key, readonly: true, value: settings[key] })),
      unknownKey: keys.filter((key) => !(key in settings)),
    };
  }

  // AuthorizeRemoteTxRequests is true, so the token is asked for first (OCPP 1.6 5.11).
  async startSession() {
    const { idTag } = this.session;
    const { idTagInfo } = await this.client.call('Authorize', { idTag });
    if (idTagInfo.status !== 'Accepted') return this.forgetSession('not authorized');
    if (!this.cable && !(await this.waitForCable())) return this.forgetSession('no cable');
    const reservationId = this.hold.use(idTag);
    const answer = await this.client.call('StartTransaction', {
      connectorId: CONNECTOR,
      ...(reservationId === undefined ? {} : { reservationId }),
      idTag,
      meterStart: this.meterWh,
      timestamp: new Date().toISOString(),
    });
    this.session.transactionId = answer.transactionId;
    this.report('session_started', { transactionId: answer.transactionId, idTagInfo: answer.idTagInfo });
    if (answer.idTagInfo.status !== 'Accepted') return this.endSession('DeAuthorized');
    await this.show('Charging');
    return this.sendMeterValues();
  }

  async waitForCable() {
    await this.show('Preparing');
    if (this.options.cable === 'never') {
      await delay(this.options.connectionTimeoutS * 1000);
      return false;
    }
    await delay(this.options.cableDelayMs);
    await this.plugIn();
    return true;
  }

  async forgetSession(why) {
    this.session = null;
    this.report('session_forgotten', { why });
    await this.show(this.cable ? 'Preparing' : 'Available');
  }

  async endSession(reason) {
    const { idTag, transactionId } = this.session;
    await this.client.call('StopTransaction', {
      transactionId,
      idTag,
      meterStop: this.meterWh,
      timestamp: new Date().toISOString(),
      reason,
    });
    this.session = null;
    this.report('session_ended', { transactionId, reason });
    await this.show('Finishing');
    this.cable = false; // the driver unplugs
    await this.show('Available');
  }

  async plugIn() {
    this.cable = true;
    if (this.status !== 'Preparing') await this.show('Preparing');
    this.report('plugged_in');
  }

  async sendMeterValues() {
    this.meterWh += 10;
    const transactionId = this.session?.transactionId;
    await this.client.call('MeterValues', {
      connectorId: CONNECTOR,
      ...(transactionId ? { transactionId } : {}),
      meterValue: [
        {
          timestamp: new Date().toISOString(),
          sampledValue: [
            { value: String(this.meterWh), measurand: 'Energy.Active.Import.Register', unit: 'Wh' },
          ],
        },
      ],
    });
  }

  async show(status) {
    this.status = status;
    await this.notify(CONNECTOR, status);
  }

  notify(connectorId, status) {
    return this.client.call('StatusNotification', {
      connectorId,
      errorCode: 'NoError',
      status,
      timestamp: new Date().toISOString(),
    });
  }

  // The library writes the answer in this turn of the event loop, the work begins in the next.
  afterAnswer(work) {
    setImmediate(() => {
      Promise.resolve(work()).catch((error) => this.report('trouble', { error: error.message }));
    });
  }
}
