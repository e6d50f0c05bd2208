// Command csms201 is an OCPP 2.0.1 back end (CSMS) on the ocpp-go library, for the end-to-end tests: what
// others would put behind a gateway that relays. It says yes to everything.
package main

import (
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"evcommand.test/ocpp_go/console"
	ocpp2 "github.com/lorenzodonini/ocpp-go/ocpp2.0.1"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/authorization"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/availability"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/provisioning"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/remotecontrol"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/transactions"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/types"
)

type handler struct {
	starts   atomic.Int64
	sessions console.Sessions[string]
}

func now() *types.DateTime { return types.NewDateTime(time.Now()) }

func (h *handler) OnBootNotification(
	id string, r *provisioning.BootNotificationRequest,
) (*provisioning.BootNotificationResponse, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return provisioning.NewBootNotificationResponse(now(), 300, provisioning.RegistrationStatusAccepted), nil
}

func (h *handler) OnNotifyReport(
	id string, r *provisioning.NotifyReportRequest,
) (*provisioning.NotifyReportResponse, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return provisioning.NewNotifyReportResponse(), nil
}

func (h *handler) OnHeartbeat(id string, r *availability.HeartbeatRequest) (*availability.HeartbeatResponse, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return availability.NewHeartbeatResponse(*now()), nil
}

func (h *handler) OnStatusNotification(
	id string, r *availability.StatusNotificationRequest,
) (*availability.StatusNotificationResponse, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return availability.NewStatusNotificationResponse(), nil
}

func (h *handler) OnAuthorize(
	id string, r *authorization.AuthorizeRequest,
) (*authorization.AuthorizeResponse, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return authorization.NewAuthorizationResponse(*types.NewIdTokenInfo(types.AuthorizationStatusAccepted)), nil
}

func (h *handler) OnTransactionEvent(
	id string, r *transactions.TransactionEventRequest,
) (*transactions.TransactionEventResponse, error) {
	console.Heard(id, r.GetFeatureName(), r)
	h.sessions.Set(id, r.TransactionInfo.TransactionID)
	answer := transactions.NewTransactionEventResponse()
	if r.IDToken != nil {
		answer.IDTokenInfo = types.NewIdTokenInfo(types.AuthorizationStatusAccepted)
	}
	return answer, nil
}

func main() {
	port, _ := strconv.Atoi(os.Args[1])
	h := &handler{}
	csms := ocpp2.NewCSMS(nil, nil)
	csms.SetProvisioningHandler(h)
	csms.SetAvailabilityHandler(h)
	csms.SetAuthorizationHandler(h)
	csms.SetTransactionsHandler(h)
	csms.SetNewChargingStationHandler(func(station ocpp2.ChargingStationConnection) {
		console.Report("connected", map[string]any{"station": station.ID()})
	})
	go console.Commands(map[string]func(string) error{
		"start": func(id string) error {
			token := types.IdToken{IdToken: console.Token, Type: types.IdTokenTypeISO14443}
			return csms.RequestStartTransaction(id, func(c *remotecontrol.RequestStartTransactionResponse, err error) {
				console.Answer(id, remotecontrol.RequestStartTransactionFeatureName, c, err)
			}, int(h.starts.Add(1)), token, func(r *remotecontrol.RequestStartTransactionRequest) {
				evse := 1
				r.EvseID = &evse
			})
		},
		"stop": func(id string) error {
			return csms.RequestStopTransaction(id, func(c *remotecontrol.RequestStopTransactionResponse, err error) {
				console.Answer(id, remotecontrol.RequestStopTransactionFeatureName, c, err)
			}, h.sessions.Of(id))
		},
		"unlock": func(id string) error {
			return csms.UnlockConnector(id, func(c *remotecontrol.UnlockConnectorResponse, err error) {
				console.Answer(id, remotecontrol.UnlockConnectorFeatureName, c, err)
			}, 1, 1)
		},
	})
	console.Report("ready", nil)
	csms.Start(port, "/ocpp/{ws}")
}
