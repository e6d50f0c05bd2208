// Command evcommand-client starts a charging session, follows it to its outcome, stops it again and
// prints each outcome as a line of JSON.
package main

//go:generate ../../.venv/bin/buf generate ../.. --template buf.gen.yaml

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	evcommand "example.com/evcommand-client/gen/evcommand/v1"
)

var (
	address  = flag.String("address", "127.0.0.1:50051", "the broker")
	apiKey   = flag.String("api-key", os.Getenv("EVCOMMAND_API_KEY"), "sent as a bearer token when given")
	station  = flag.String("station", "stations/CP-1", "the station's name")
	evse     = flag.Int("evse", 1, "the EVSE on which to charge")
	token    = flag.String("token", "DRIVER-1", "the driver's token")
	patience = flag.Duration("patience", 2*time.Minute, "how long to wait for both outcomes")
)

func main() {
	flag.Parse()
	connection, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	if *apiKey != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+*apiKey)
	}
	if err := startAndStop(ctx, evcommand.NewRemoteCommandServiceClient(connection)); err != nil {
		log.Fatal(err)
	}
}

func startAndStop(ctx context.Context, broker evcommand.RemoteCommandServiceClient) error {
	started, err := startSession(ctx, broker)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := show(started); err != nil {
		return err
	}
	stopped, err := stopSession(ctx, broker, started.GetName())
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return show(stopped)
}

// startSession calls StartSession, which returns when the station has answered; then it watches the
// command until it is done. A program that shows progress to a driver does the same. With the same
// request_id, a repeat after a lost reply is the same command; without it, a repeat would start a
// second session.
func startSession(
	ctx context.Context, broker evcommand.RemoteCommandServiceClient,
) (*evcommand.RemoteCommand, error) {
	evseID := int32(*evse)
	reply, err := broker.StartSession(ctx, &evcommand.StartSessionRequest{
		Station:   *station,
		EvseId:    &evseID,
		IdToken:   &evcommand.IdToken{Value: *token, Type: evcommand.IdTokenType_ID_TOKEN_TYPE_ISO14443},
		RequestId: newUUID(),
		Options: &evcommand.CommandOptions{
			WaitFor: evcommand.WaitFor_WAIT_FOR_STATION_ANSWER,
			Labels:  map[string]string{"client": "go"},
		},
	})
	if err != nil {
		return nil, err
	}
	return untilDone(ctx, broker, reply.GetCommand())
}

// stopSession stops what the start command started, and lets the call itself wait for the outcome.
func stopSession(
	ctx context.Context, broker evcommand.RemoteCommandServiceClient, startCommand string,
) (*evcommand.RemoteCommand, error) {
	reply, err := broker.StopSession(ctx, &evcommand.StopSessionRequest{
		Target:    &evcommand.StopSessionRequest_StartCommand{StartCommand: startCommand},
		RequestId: newUUID(),
		Options:   &evcommand.CommandOptions{WaitFor: evcommand.WaitFor_WAIT_FOR_OUTCOME},
	})
	if err != nil {
		return nil, err
	}
	return untilDone(ctx, broker, reply.GetCommand())
}

// untilDone watches a command to its end. A broken stream is resumed after the last message.
func untilDone(
	ctx context.Context, broker evcommand.RemoteCommandServiceClient, command *evcommand.RemoteCommand,
) (*evcommand.RemoteCommand, error) {
	resumeToken := ""
	for command.GetState() != evcommand.RemoteCommand_STATE_DONE {
		done, err := watchToTheEnd(ctx, broker, command.GetName(), &resumeToken)
		if status.Code(err) == codes.Unavailable {
			time.Sleep(time.Second)
			continue
		}
		if err != nil {
			return nil, err
		}
		command = done
	}
	return command, nil
}

// watchToTheEnd reads a watch until the command is done.
func watchToTheEnd(
	ctx context.Context, broker evcommand.RemoteCommandServiceClient, name string, resumeToken *string,
) (*evcommand.RemoteCommand, error) {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	stream, err := broker.WatchCommands(ctx, &evcommand.WatchCommandsRequest{
		Names: []string{name}, ResumeToken: *resumeToken,
	})
	for err == nil {
		var change *evcommand.WatchCommandsResponse
		if change, err = stream.Recv(); err != nil {
			break
		}
		command := change.GetCommand()
		*resumeToken = change.GetResumeToken()
		log.Printf("%s: %s %s", name, command.GetState(), command.GetProgress())
		if command.GetState() == evcommand.RemoteCommand_STATE_DONE {
			return command, nil
		}
	}
	return nil, err
}

// show prints the outcome. Every outcome but SUCCEEDED is an error.
func show(command *evcommand.RemoteCommand) error {
	outcome, session := command.GetOutcome(), command.GetOutcome().GetSession()
	line := map[string]any{
		"command":        command.GetName(),
		"kind":           command.GetKind().String(),
		"state":          command.GetState().String(),
		"code":           outcome.GetCode().String(),
		"cause":          outcome.GetCause(),
		"message":        outcome.GetMessage(),
		"transaction":    session.GetTransaction(),
		"transaction_id": session.GetTransactionId(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		return err
	}
	if outcome.GetCode() != evcommand.Outcome_CODE_SUCCEEDED {
		return fmt.Errorf("%s: %s", command.GetKind(), outcome.GetMessage())
	}
	return nil
}

func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
