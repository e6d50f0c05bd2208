package main

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	ocpp2 "github.com/lorenzodonini/ocpp-go/ocpp2.0.1"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/availability"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/remotecontrol"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/transactions"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/types"
)

const (
	evseID      = 1
	connectorID = 1
)

// transaction is the session that is open now.
type transaction struct {
	id       string
	seqNo    int
	token    *types.IdToken
	remoteID *int
	state    transactions.ChargingState
}

// station is the state of one charging station. TxStartPoint is EVConnected: the cable opens the
// transaction, a start that comes later joins it.
type station struct {
	cs         ocpp2.ChargingStation
	cable      string
	cableDelay time.Duration

	mu      sync.Mutex // guards what follows; never held while a message is out
	plugged bool
	open    *transaction
	asked   *remotecontrol.RequestStartTransactionRequest // a start that waits for its cable
	meterWh float64
}

func newStation(cs ocpp2.ChargingStation, cable string, cableDelay time.Duration) *station {
	return &station{cs: cs, cable: cable, cableDelay: cableDelay, meterWh: 1000}
}

// accept takes a start, unless one is under way already. The id is that of an open transaction.
func (s *station) accept(request *remotecontrol.RequestStartTransactionRequest) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked != nil || (s.open != nil && s.open.token != nil) {
		return "", false
	}
	if request.EvseID != nil && *request.EvseID != evseID {
		return "", false
	}
	s.asked = request
	if s.open != nil {
		id = s.open.id
	}
	return id, true
}

// isOpen tells whether the transaction is the one that is open now.
func (s *station) isOpen(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open != nil && s.open.id == id
}

// startCharging does what an accepted start promised.
func (s *station) startCharging() {
	if s.cable != "first" {
		time.Sleep(s.cableDelay)
		s.plugIn()
	} else {
		s.mu.Lock()
		s.join()
		s.mu.Unlock()
		s.tell(transactions.TransactionEventUpdated, transactions.TriggerReasonRemoteStart, "")
	}
	s.mu.Lock()
	s.open.state = transactions.ChargingStateCharging
	id, remoteID := s.open.id, s.open.remoteID
	s.mu.Unlock()
	s.tell(transactions.TransactionEventUpdated, transactions.TriggerReasonChargingStateChanged, "")
	report("session_started", map[string]any{"transactionId": id, "remoteStartId": remoteID})
}

// stopCharging does what an accepted stop promised; then the driver unplugs.
func (s *station) stopCharging() {
	s.mu.Lock()
	s.open.state = transactions.ChargingStateEVConnected
	id := s.open.id
	s.mu.Unlock()
	s.tell(transactions.TransactionEventEnded, transactions.TriggerReasonRemoteStop, transactions.ReasonRemote)
	s.mu.Lock()
	s.open, s.plugged = nil, false
	s.mu.Unlock()
	report("session_ended", map[string]any{"transactionId": id, "reason": transactions.ReasonRemote})
	s.show(availability.ConnectorStatusAvailable)
}

// plugIn puts the cable in, which opens the transaction.
func (s *station) plugIn() {
	s.mu.Lock()
	s.plugged = true
	s.open = &transaction{id: newID(), state: transactions.ChargingStateEVConnected}
	s.join()
	s.mu.Unlock()
	s.show(availability.ConnectorStatusOccupied)
	s.tell(transactions.TransactionEventStarted, transactions.TriggerReasonCablePluggedIn, "")
	report("plugged_in", nil)
}

// join gives the open transaction the token of the start that waits. The caller holds the lock.
func (s *station) join() {
	if s.asked == nil {
		return
	}
	remoteID := s.asked.RemoteStartID
	s.open.token, s.open.remoteID = &s.asked.IDToken, &remoteID
	s.asked = nil
}

// tell sends the next TransactionEvent.
func (s *station) tell(
	event transactions.TransactionEvent, trigger transactions.TriggerReason, stopped transactions.Reason,
) {
	s.mu.Lock()
	open := *s.open
	s.open.seqNo++
	s.meterWh += 10
	meter := s.meterWh
	s.mu.Unlock()
	connector := connectorID
	info := transactions.Transaction{
		TransactionID: open.id, ChargingState: open.state, RemoteStartID: open.remoteID, StoppedReason: stopped,
	}
	answer, err := s.cs.TransactionEvent(event, now(), trigger, open.seqNo, info,
		func(request *transactions.TransactionEventRequest) {
			request.Evse = &types.EVSE{ID: evseID, ConnectorID: &connector}
			request.MeterValue = []types.MeterValue{{
				Timestamp:    *now(),
				SampledValue: []types.SampledValue{{Value: meter}},
			}}
			if event != transactions.TransactionEventEnded {
				request.IDToken = open.token
			}
		})
	if err != nil {
		report("violation", map[string]any{"method": "TransactionEvent", "error": err.Error()})
		return
	}
	if answer.IDTokenInfo != nil {
		report("token", map[string]any{"status": answer.IDTokenInfo.Status})
	}
}

// show tells the connector's status.
func (s *station) show(status availability.ConnectorStatus) {
	if _, err := s.cs.StatusNotification(now(), status, evseID, connectorID); err != nil {
		report("violation", map[string]any{"method": "StatusNotification", "error": err.Error()})
	}
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
