// Renders the annotations of alerts by Go's own text/template, as the two alert systems do.
//
// Reads a JSON list of cases from the standard input and writes a JSON list of
// {"text": …, "error": …} in the same order. Variables and functions are those that the two
// documentations name, written anew from their descriptions:
//
//	https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
//	https://grafana.com/docs/grafana/latest/alerting/alerting-rules/templates/reference/
//
// Functions that only one system has are not there for the other, so that a text which relies on
// one fails here as it would there. No module besides the standard library is used.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// sample is a labelled number: a series of a Prometheus query, or a value of a Grafana step.
type sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

type oneCase struct {
	System  string              `json:"system"` // "prometheus" or "grafana"
	Text    string              `json:"text"`
	Labels  map[string]string   `json:"labels"`
	Value   float64             `json:"value"`   // Prometheus: the value of the expression
	Values  map[string]sample   `json:"values"`  // Grafana: reference of a step to its value
	Queries map[string][]sample `json:"queries"` // Prometheus: expression to what it gives
}

type result struct {
	Text  string `json:"text"`
	Error string `json:"error"`
}

func number(given interface{}) (float64, error) {
	switch v := given.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	case string:
		return strconv.ParseFloat(v, 64)
	default:
		return 0, fmt.Errorf("no number: %v", given)
	}
}

func numeric(show func(float64) string) func(interface{}) (string, error) {
	return func(given interface{}) (string, error) {
		v, err := number(given)
		if err != nil {
			return "", err
		}
		return show(v), nil
	}
}

// scaled shows four digits and a prefix, in steps of base up and of 1000 down.
func scaled(base float64, large, small []string) func(float64) string {
	return func(v float64) string {
		if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprintf("%.4g", v)
		}
		prefix := ""
		for _, p := range large {
			if math.Abs(v) < base {
				break
			}
			prefix, v = p, v/base
		}
		if prefix == "" {
			for _, p := range small {
				if math.Abs(v) >= 1 {
					break
				}
				prefix, v = p, v*1000
			}
		}
		return fmt.Sprintf("%.4g%s", v, prefix)
	}
}

func duration(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Sprintf("%.4g", v)
	}
	if v == 0 {
		return "0s"
	}
	if math.Abs(v) < 1 {
		return scaled(1000, nil, []string{"m", "u", "n"})(v) + "s"
	}
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	whole := int64(v)
	days, hours, minutes, seconds := whole/86400, whole/3600%24, whole/60%60, whole%60
	switch {
	case days > 0:
		return fmt.Sprintf("%s%dd %dh %dm %ds", sign, days, hours, minutes, seconds)
	case hours > 0:
		return fmt.Sprintf("%s%dh %dm %ds", sign, hours, minutes, seconds)
	case minutes > 0:
		return fmt.Sprintf("%s%dm %ds", sign, minutes, seconds)
	}
	return fmt.Sprintf("%s%.4gs", sign, v)
}

func timestamp(v float64) string {
	return time.UnixMilli(int64(v * 1000)).UTC().String()
}

func shared() template.FuncMap {
	large := []string{"k", "M", "G", "T", "P", "E", "Z", "Y"}
	small := []string{"m", "u", "n", "p", "f", "a", "z", "y"}
	binary := []string{"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"}
	percent := func(v float64) string { return fmt.Sprintf("%.4g%%", v*100) }
	return template.FuncMap{
		"humanize":           numeric(scaled(1000, large, small)),
		"humanize1024":       numeric(scaled(1024, binary, nil)),
		"humanizeDuration":   numeric(duration),
		"humanizePercentage": numeric(percent),
		"humanizeTimestamp":  numeric(timestamp),
		"title":              strings.Title,
		"toUpper":            strings.ToUpper,
		"toLower":            strings.ToLower,
		"match":              regexp.MatchString,
		"reReplaceAll": func(pattern, to, text string) string {
			return regexp.MustCompile(pattern).ReplaceAllString(text, to)
		},
		"externalURL": func() string { return "http://localhost/" },
		"pathPrefix":  func() string { return "/" },
	}
}

func ofPrometheus(asked oneCase) template.FuncMap {
	functions := shared()
	functions["query"] = func(expression string) ([]sample, error) {
		found, known := asked.Queries[expression]
		if !known {
			return nil, fmt.Errorf("unexpected query %q", expression)
		}
		return found, nil
	}
	functions["first"] = func(found []sample) (sample, error) {
		if len(found) == 0 {
			return sample{}, fmt.Errorf("first of nothing")
		}
		return found[0], nil
	}
	functions["value"] = func(s sample) float64 { return s.Value }
	functions["label"] = func(name string, s sample) string { return s.Labels[name] }
	functions["toTime"] = func(v float64) time.Time { return time.UnixMilli(int64(v * 1000)).UTC() }
	return functions
}

func render(asked oneCase) (string, error) {
	functions := shared()
	prelude := "{{$labels := .Labels}}{{$values := .Values}}{{$value := .Value}}"
	data := map[string]interface{}{"Labels": asked.Labels, "Values": asked.Values}
	if asked.System == "prometheus" {
		functions = ofPrometheus(asked)
		prelude = "{{$labels := .Labels}}{{$value := .Value}}"
		data["Value"] = asked.Value
	} else {
		data["Value"] = "[ a text, not a number ]"
	}
	parsed, err := template.New("").Funcs(functions).Option("missingkey=zero").Parse(prelude + asked.Text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = parsed.Execute(&out, data)
	return out.String(), err
}

func main() {
	var cases []oneCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	results := make([]result, len(cases))
	for i, asked := range cases {
		text, err := render(asked)
		results[i] = result{Text: text}
		if err != nil {
			results[i] = result{Error: err.Error()}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
