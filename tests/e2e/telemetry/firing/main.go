// Says which alerts fire, by Prometheus's own engine. stdin: {"rules": [files], "cases": [...]}; a case
// is series with a value a minute, and after how many minutes it is looked. stdout: names by case.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

type request struct {
	Rules []string
	Cases []struct {
		Series  map[string]string
		Minutes int
	}
}

func main() {
	var asked request
	fail(json.NewDecoder(os.Stdin).Decode(&asked))
	firing := [][]string{}
	for _, one := range asked.Cases {
		firing = append(firing, firingAt(asked.Rules, one.Series, one.Minutes))
	}
	fail(json.NewEncoder(os.Stdout).Encode(firing))
}

func firingAt(files []string, series map[string]string, minutes int) []string {
	lines := []string{"load 1m"}
	for name, values := range series {
		lines = append(lines, "  "+name+" "+values)
	}
	suite, err := promqltest.NewLazyLoader(strings.Join(lines, "\n"), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true,
	})
	fail(err)
	defer suite.Close()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		Appendable: suite.Storage(),
		Context:    context.Background(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger:     promslog.NewNopLogger(),
		Parser:     parser.NewParser(parser.Options{}),
	})
	groups, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, files...)
	for _, err := range errs {
		fail(err)
	}
	keys := []string{}
	for key := range groups {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool { // what is recorded is read in the same minute
		return !strings.HasSuffix(keys[i], "-alerts") && strings.HasSuffix(keys[j], "-alerts")
	})
	start := time.Unix(0, 0).UTC()
	for minute := 0; minute <= minutes; minute++ {
		now := start.Add(time.Duration(minute) * time.Minute)
		suite.WithSamplesTill(now, func(err error) {
			fail(err)
			for _, key := range keys {
				groups[key].Eval(suite.Context(), now)
				for _, rule := range groups[key].Rules() {
					fail(rule.LastError())
				}
			}
		})
	}
	names := map[string]bool{}
	for _, group := range groups {
		for _, rule := range group.AlertingRules() {
			for _, alert := range rule.ActiveAlerts() {
				if alert.State == rules.StateFiring {
					names[rule.Name()] = true
				}
			}
		}
	}
	told := []string{}
	for name := range names {
		told = append(told, name)
	}
	sort.Strings(told)
	return told
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
