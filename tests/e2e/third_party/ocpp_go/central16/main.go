// Command central16 is an OCPP 1.6 back end (central system) on the ocpp-go library, for the end-to-end
// tests: what others would put behind a gateway that relays. It says yes to everything.
package main

import (
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"evcommand.test/ocpp_go/console"
	ocpp16 "github.com/lorenzodonini/ocpp-go/ocpp1.6"
	"github.com/lorenzodonini/ocpp-go/ocpp1.6/core"
	"github.com/lorenzodonini/ocpp-go/ocpp1.6/types"
)

type handler struct {
	transactions atomic.Int64
	sessions     console.Sessions[int]
}

var accepted = types.NewIdTagInfo(types.AuthorizationStatusAccepted)

func now() *types.DateTime { return types.NewDateTime(time.Now()) }

func (h *handler) OnAuthorize(id string, r *core.AuthorizeRequest) (*core.AuthorizeConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewAuthorizationConfirmation(accepted), nil
}

func (h *handler) OnBootNotification(
	id string, r *core.BootNotificationRequest,
) (*core.BootNotificationConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewBootNotificationConfirmation(now(), 300, core.RegistrationStatusAccepted), nil
}

func (h *handler) OnDataTransfer(id string, r *core.DataTransferRequest) (*core.DataTransferConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewDataTransferConfirmation(core.DataTransferStatusAccepted), nil
}

func (h *handler) OnHeartbeat(id string, r *core.HeartbeatRequest) (*core.HeartbeatConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewHeartbeatConfirmation(now()), nil
}

func (h *handler) OnMeterValues(id string, r *core.MeterValuesRequest) (*core.MeterValuesConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewMeterValuesConfirmation(), nil
}

func (h *handler) OnStatusNotification(
	id string, r *core.StatusNotificationRequest,
) (*core.StatusNotificationConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewStatusNotificationConfirmation(), nil
}

func (h *handler) OnStartTransaction(
	id string, r *core.StartTransactionRequest,
) (*core.StartTransactionConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	number := int(h.transactions.Add(1))
	h.sessions.Set(id, number)
	return core.NewStartTransactionConfirmation(accepted, number), nil
}

func (h *handler) OnStopTransaction(
	id string, r *core.StopTransactionRequest,
) (*core.StopTransactionConfirmation, error) {
	console.Heard(id, r.GetFeatureName(), r)
	return core.NewStopTransactionConfirmation(), nil
}

func main() {
	port, _ := strconv.Atoi(os.Args[1])
	h := &handler{}
	cs := ocpp16.NewCentralSystem(nil, nil)
	cs.SetCoreHandler(h)
	cs.SetNewChargePointHandler(func(cp ocpp16.ChargePointConnection) {
		console.Report("connected", map[string]any{"station": cp.ID()})
	})
	go console.Commands(map[string]func(string) error{
		"start": func(id string) error {
			return cs.RemoteStartTransaction(id, func(c *core.RemoteStartTransactionConfirmation, err error) {
				console.Answer(id, core.RemoteStartTransactionFeatureName, c, err)
			}, console.Token, func(r *core.RemoteStartTransactionRequest) {
				connector := 1
				r.ConnectorId = &connector
			})
		},
		"stop": func(id string) error {
			return cs.RemoteStopTransaction(id, func(c *core.RemoteStopTransactionConfirmation, err error) {
				console.Answer(id, core.RemoteStopTransactionFeatureName, c, err)
			}, h.sessions.Of(id))
		},
		"unlock": func(id string) error {
			return cs.UnlockConnector(id, func(c *core.UnlockConnectorConfirmation, err error) {
				console.Answer(id, core.UnlockConnectorFeatureName, c, err)
			}, 1)
		},
	})
	console.Report("ready", nil)
	cs.Start(port, "/ocpp/{ws}")
}
