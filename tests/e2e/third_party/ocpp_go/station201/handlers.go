package main

import (
	"github.com/lorenzodonini/ocpp-go/ocpp"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/availability"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/provisioning"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/remotecontrol"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/transactions"
	"github.com/lorenzodonini/ocpp-go/ocppj"
)

// The library writes a handler's answer after the handler returned, so what follows from an answer
// runs in a goroutine of its own: a fact may overtake the answer, as with stations in the field.

func unsupported() error { return ocpp.NewHandlerError(ocppj.NotSupported, "Not supported") }

func (s *station) OnRequestStartTransaction(
	request *remotecontrol.RequestStartTransactionRequest,
) (*remotecontrol.RequestStartTransactionResponse, error) {
	report("received", map[string]any{"method": request.GetFeatureName(), "params": request})
	id, ok := s.accept(request)
	if !ok {
		return remotecontrol.NewRequestStartTransactionResponse(remotecontrol.RequestStartStopStatusRejected), nil
	}
	go s.startCharging()
	answer := remotecontrol.NewRequestStartTransactionResponse(remotecontrol.RequestStartStopStatusAccepted)
	answer.TransactionID = id
	return answer, nil
}

func (s *station) OnRequestStopTransaction(
	request *remotecontrol.RequestStopTransactionRequest,
) (*remotecontrol.RequestStopTransactionResponse, error) {
	report("received", map[string]any{"method": request.GetFeatureName(), "params": request})
	if !s.isOpen(request.TransactionID) {
		return remotecontrol.NewRequestStopTransactionResponse(remotecontrol.RequestStartStopStatusRejected), nil
	}
	go s.stopCharging()
	return remotecontrol.NewRequestStopTransactionResponse(remotecontrol.RequestStartStopStatusAccepted), nil
}

func (s *station) OnGetTransactionStatus(
	request *transactions.GetTransactionStatusRequest,
) (*transactions.GetTransactionStatusResponse, error) {
	report("received", map[string]any{"method": request.GetFeatureName(), "params": request})
	answer := transactions.NewGetTransactionStatusResponse(false)
	if request.TransactionID != "" {
		ongoing := s.isOpen(request.TransactionID)
		answer.OngoingIndicator = &ongoing
	}
	return answer, nil
}

func (s *station) OnTriggerMessage(
	request *remotecontrol.TriggerMessageRequest,
) (*remotecontrol.TriggerMessageResponse, error) {
	report("received", map[string]any{"method": request.GetFeatureName(), "params": request})
	if request.RequestedMessage != remotecontrol.MessageTriggerStatusNotification {
		return remotecontrol.NewTriggerMessageResponse(remotecontrol.TriggerMessageStatusNotImplemented), nil
	}
	s.mu.Lock()
	status := availability.ConnectorStatusAvailable
	if s.plugged {
		status = availability.ConnectorStatusOccupied
	}
	s.mu.Unlock()
	go s.show(status)
	return remotecontrol.NewTriggerMessageResponse(remotecontrol.TriggerMessageStatusAccepted), nil
}

func (s *station) OnUnlockConnector(
	*remotecontrol.UnlockConnectorRequest,
) (*remotecontrol.UnlockConnectorResponse, error) {
	return nil, unsupported()
}

func (s *station) OnGetVariables(
	request *provisioning.GetVariablesRequest,
) (*provisioning.GetVariablesResponse, error) {
	report("received", map[string]any{"method": request.GetFeatureName(), "params": request})
	values := map[string]string{"EVConnectionTimeOut": "60", "TxStartPoint": "EVConnected", "TxStopPoint": "Authorized"}
	var results []provisioning.GetVariableResult
	for _, asked := range request.GetVariableData {
		result := provisioning.GetVariableResult{Component: asked.Component, Variable: asked.Variable}
		value, known := values[asked.Variable.Name]
		switch {
		case asked.Component.Name != "TxCtrlr":
			result.AttributeStatus = provisioning.GetVariableStatusUnknownComponent
		case !known:
			result.AttributeStatus = provisioning.GetVariableStatusUnknownVariable
		default:
			result.AttributeStatus, result.AttributeValue = provisioning.GetVariableStatusAccepted, value
		}
		results = append(results, result)
	}
	return provisioning.NewGetVariablesResponse(results), nil
}

func (s *station) OnGetBaseReport(*provisioning.GetBaseReportRequest) (*provisioning.GetBaseReportResponse, error) {
	return nil, unsupported()
}

func (s *station) OnGetReport(*provisioning.GetReportRequest) (*provisioning.GetReportResponse, error) {
	return nil, unsupported()
}

func (s *station) OnReset(*provisioning.ResetRequest) (*provisioning.ResetResponse, error) {
	return nil, unsupported()
}

func (s *station) OnSetNetworkProfile(
	*provisioning.SetNetworkProfileRequest,
) (*provisioning.SetNetworkProfileResponse, error) {
	return nil, unsupported()
}

func (s *station) OnSetVariables(*provisioning.SetVariablesRequest) (*provisioning.SetVariablesResponse, error) {
	return nil, unsupported()
}
