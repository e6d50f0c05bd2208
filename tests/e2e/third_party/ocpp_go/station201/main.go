// Command station201 is an OCPP 2.0.1 charging station on the ocpp-go library, for the end-to-end
// tests. (The library's own 2.0.1 example answers Accepted with a transaction id of its own making
// and then starts nothing; this one does what it says.)
//
// It has one EVSE with one connector. What happens is printed as one JSON object per line.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	ocpp2 "github.com/lorenzodonini/ocpp-go/ocpp2.0.1"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/availability"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/provisioning"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/types"
	"github.com/lorenzodonini/ocpp-go/ws"
)

var printing sync.Mutex

// report prints one event and its fields as a line of JSON.
func report(event string, fields map[string]any) {
	line := map[string]any{"event": event}
	for key, value := range fields {
		line[key] = value
	}
	printing.Lock()
	defer printing.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

func fail(doing string, err error) {
	report("failed", map[string]any{"doing": doing, "error": err.Error()})
	os.Exit(1)
}

// boot repeats BootNotification until the broker accepts, waiting as long as it asks in between.
func boot(cs ocpp2.ChargingStation) {
	for {
		answer, err := cs.BootNotification(provisioning.BootReasonPowerUp, "test-201", "ocpp-go")
		if err != nil {
			fail("boot", err)
		}
		report("booted", map[string]any{"status": answer.Status, "interval": answer.Interval})
		if answer.Status == provisioning.RegistrationStatusAccepted {
			return
		}
		time.Sleep(time.Duration(max(1, answer.Interval)) * time.Second)
	}
}

func main() {
	id := flag.String("id", "", "station id")
	url := flag.String("url", "", "the broker's URL without the id: ws://host:port/ocpp")
	password := flag.String("password", "", "Basic auth password; the user name is the id")
	cable := flag.String("cable", "first", "first: before any start; last: after it")
	cableDelay := flag.Duration("cable-delay", 500*time.Millisecond, "how long a late cable takes")
	flag.Parse()
	if *id == "" || *url == "" {
		fmt.Fprintln(os.Stderr, "usage: station201 --id ID --url ws://HOST:PORT/ocpp")
		os.Exit(2)
	}

	socket := ws.NewClient()
	if *password != "" {
		socket.SetBasicAuth(*id, *password)
	}
	cs := ocpp2.NewChargingStation(*id, nil, socket)
	station := newStation(cs, *cable, *cableDelay)
	cs.SetProvisioningHandler(station)
	cs.SetRemoteControlHandler(station)
	cs.SetTransactionsHandler(station)
	if err := cs.Start(*url); err != nil {
		fail("connect", err)
	}
	report("connected", nil)

	boot(cs)
	station.show(availability.ConnectorStatusAvailable)
	if *cable == "first" {
		station.plugIn()
	}
	report("ready", nil)

	off := make(chan os.Signal, 1)
	signal.Notify(off, syscall.SIGTERM, syscall.SIGINT)
	<-off
	cs.Stop()
}

// now is the time of an event, as OCPP writes it.
func now() *types.DateTime { return types.NewDateTime(time.Now()) }
