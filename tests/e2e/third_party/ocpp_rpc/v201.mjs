// OCPP 2.0.1 and 2.1: one EVSE with one connector, one transaction at a time.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Hold } from './hold.mjs';

const EVSE = { id: 1, connectorId: 1 };

/**
 * The driver's and the station's side of OCPP 2.0.1, on an ocpp-rpc client.
 *
 * With TxStartPoint EVConnected (the default here) a cable opens the transaction and a start that
 * comes later joins it; with Authorized the start itself opens it (OCPP 2.0.1 part 2, E01-E05).
 */
export class ChargingStation201 {
  constructor(client, options, report) {
    this.client = client;
    this.options = options;
    this.report = report;
    this.cable = false;
    this.transaction = null; // { id, seqNo, idToken?, remoteStartId?, chargingState }
    this.asked = null; // a start that waits for its cable
    this.meterWh = 1000;
    this.hold = new Hold((id) => this.onExpiry(id));
  }

  boot(reason = this.options.bootReason) {
    return this.client.call('BootNotification', {
      reason,
      chargingStation: {
        vendorName: 'ocpp-rpc',
        model: 'test-2x',
        serialNumber: this.options.id.slice(0, 25),
        firmwareVersion: '2.2.1',
      },
    });
  }

  async open() {
    await this.show();
    if (this.options.cable === 'first') await this.plugIn();
  }

  handlers() {
    return {
      RequestStartTransaction: (request) => this.onStart(request),
      RequestStopTransaction: (request) => this.onStop(request),
      GetTransactionStatus: (request) => this.onTransactionStatus(request),
      TriggerMessage: (request) => this.onTrigger(request),
      GetVariables: (request) => this.onGetVariables(request),
      UnlockConnector: () => this.onUnlock(),
      Reset: ({ evseId }) => this.onReset(evseId),
      ReserveNow: (request) => this.onReserve(request),
      CancelReservation: ({ reservationId }) => this.onCancelReservation(reservationId),
      GetBaseReport: () => ({ status: 'NotSupported' }),
    };
  }

  onStart({ idToken, remoteStartId, evseId = EVSE.id }) {
    const taken = this.asked || this.transaction?.idToken;
    if (taken || evseId !== EVSE.id) return { status: 'Rejected' };
    if (this.hold.isFor(idToken.idToken)) return { status: 'Rejected' };
    this.asked = { idToken, remoteStartId };
    this.afterAnswer(() => this.startCharging());
    return { status: 'Accepted', ...(this.transaction ? { transactionId: this.transaction.id } : {}) };
  }

  onStop({ transactionId }) {
    if (this.transaction?.id !== transactionId) return { status: 'Rejected' };
    this.afterAnswer(() => this.endTransaction('RemoteStop', 'Remote'));
    return { status: 'Accepted' };
  }

  onUnlock() {
    if (this.transaction?.idToken) return { status: 'OngoingAuthorizedTransaction' };
    return { status: 'Unlocked' };
  }

  onReset(evseId) {
    this.afterAnswer(async () => {
      if (this.transaction) await this.endTransaction('ResetCommand', 'ImmediateReset');
      if (evseId === undefined) await this.options.restart();
      else await this.show();
    });
    return { status: 'Accepted' };
  }

  onReserve({ id, expiryDateTime, idToken, evseId = EVSE.id }) {
    if (evseId !== EVSE.id) return { status: 'Rejected' };
    if (this.asked || this.transaction) return { status: 'Occupied' };
    const status = this.hold.make(id, idToken.idToken, expiryDateTime);
    if (status === 'Accepted') this.afterAnswer(() => this.show());
    return { status };
  }

  onCancelReservation(id) {
    const status = this.hold.cancel(id);
    if (status === 'Accepted') this.afterAnswer(() => this.show());
    return { status };
  }

  async onExpiry(reservationId) {
    await this.client.call('ReservationStatusUpdate', {
      reservationId,
      reservationUpdateStatus: 'Expired',
    });
    await this.show();
  }

  onTransactionStatus({ transactionId }) {
    if (transactionId === undefined) return { messagesInQueue: false };
    return { ongoingIndicator: this.transaction?.id === transactionId, messagesInQueue: false };
  }

  onTrigger({ requestedMessage }) {
    const messages = {
      BootNotification: () => this.boot('Triggered'),
      Heartbeat: () => this.client.call('Heartbeat', {}),
      StatusNotification: () => this.show(),
      ...(this.transaction ? { TransactionEvent: () => this.tell('Updated', 'Trigger', true) } : {}),
    };
    const send = messages[requestedMessage];
    if (!send) return { status: requestedMessage === 'TransactionEvent' ? 'Rejected' : 'NotImplemented' };
    this.afterAnswer(send);
    return { status: 'Accepted' };
  }

  onGetVariables({ getVariableData }) {
    const variables = {
      TxCtrlr: {
        EVConnectionTimeOut: String(this.options.connectionTimeoutS),
        TxStartPoint: this.options.txStartPoint,
        TxStopPoint: 'Authorized',
      },
    };
    const read = ({ component, variable }) => {
      const known = variables[component.name];
      if (!known) return { attributeStatus: 'UnknownComponent', component, variable };
      const attributeValue = known[variable.name];
      if (attributeValue === undefined) return { attributeStatus: 'UnknownVariable', component, variable };
      return { attributeStatus: 'Accepted', attributeValue, component, variable };
    };
    return { getVariableResult: getVariableData.map(read) };
  }

  async startCharging() {
    if (this.transaction) {
      this.join();
      await this.tell('Updated', 'RemoteStart');
    } else if (this.options.txStartPoint === 'Authorized') {
      this.begin();
      await this.tell('Started', 'RemoteStart');
    }
    if (!this.cable && !(await this.waitForCable())) return this.giveUp();
    if (this.transaction?.idToken) await this.charge();
    return undefined;
  }

  async waitForCable() {
    if (this.options.cable === 'never') {
      await delay(this.options.connectionTimeoutS * 1000);
      return false;
    }
    await delay(this.options.cableDelayMs);
    await this.plugIn();
    return true;
  }

  // The connection timeout is over (OCPP 2.0.1 E03.FR.05): nothing to end when nothing was begun.
  async giveUp() {
    this.asked = null;
    this.report('session_forgotten', { why: 'no cable' });
    if (this.transaction) await this.endTransaction('EVConnectTimeout', 'Timeout');
  }

  async plugIn() {
    this.cable = true;
    await this.show();
    this.report('plugged_in');
    if (this.transaction) {
      this.transaction.chargingState = 'EVConnected';
      await this.tell('Updated', 'CablePluggedIn');
    } else {
      this.begin('EVConnected');
      await this.tell('Started', 'CablePluggedIn');
    }
  }

  begin(chargingState = 'Idle') {
    this.transaction = { id: randomUUID(), seqNo: 0, chargingState };
    if (this.asked) this.join();
  }

  join() {
    Object.assign(this.transaction, this.asked);
    this.transaction.reservationId = this.hold.use(this.asked.idToken.idToken);
    this.asked = null;
  }

  async charge() {
    this.transaction.chargingState = 'Charging';
    await this.tell('Updated', 'ChargingStateChanged', true);
    const { id, remoteStartId } = this.transaction;
    this.report('session_started', { transactionId: id, remoteStartId });
  }

  async endTransaction(trigger, stoppedReason) {
    const { id } = this.transaction;
    this.transaction.chargingState = this.cable ? 'EVConnected' : 'Idle';
    await this.tell('Ended', trigger, true, { stoppedReason });
    this.transaction = null;
    this.report('session_ended', { transactionId: id, reason: stoppedReason });
    this.cable = false; // the driver unplugs
    await this.show();
  }

  async tell(eventType, triggerReason, withMeter = false, extra = {}) {
    const { id, idToken, remoteStartId, chargingState, reservationId } = this.transaction;
    const answer = await this.client.call('TransactionEvent', {
      eventType,
      timestamp: new Date().toISOString(),
      triggerReason,
      seqNo: this.transaction.seqNo++,
      transactionInfo: {
        transactionId: id,
        chargingState,
        ...(remoteStartId === undefined ? {} : { remoteStartId }),
        ...extra,
      },
      evse: EVSE,
      ...(reservationId === undefined ? {} : { reservationId }),
      ...(idToken && eventType !== 'Ended' ? { idToken } : {}),
      ...(withMeter ? { meterValue: [this.meterValue()] } : {}),
    });
    const status = answer.idTokenInfo?.status ?? 'Accepted';
    if (status !== 'Accepted' && eventType !== 'Ended') {
      await this.endTransaction('Deauthorized', 'DeAuthorized');
    }
  }

  meterValue() {
    this.meterWh += 10;
    return {
      timestamp: new Date().toISOString(),
      sampledValue: [{ value: this.meterWh, measurand: 'Energy.Active.Import.Register' }],
    };
  }

  show() {
    return this.client.call('StatusNotification', {
      timestamp: new Date().toISOString(),
      connectorStatus: this.cable ? 'Occupied' : this.hold.id === undefined ? 'Available' : 'Reserved',
      evseId: EVSE.id,
      connectorId: EVSE.connectorId,
    });
  }

  // The library writes the answer in this turn of the event loop, the work begins in the next.
  afterAnswer(work) {
    setImmediate(() => {
      Promise.resolve(work()).catch((error) => this.report('trouble', { error: error.message }));
    });
  }
}
