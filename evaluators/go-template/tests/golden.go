//go:build ignore

// Writes into golden.jsonl what Go's text/template gives for each of its templates:
//
//	go run golden.go golden.jsonl
//
// A new case is a line with its template only.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type line struct {
	Data     map[string]any `json:"data,omitempty"`
	Template *string        `json:"template,omitempty"`
	Text     *string        `json:"text,omitempty"`
	Syntax   string         `json:"syntax,omitempty"`
	Other    string         `json:"other,omitempty"`
}

func render(text string, data map[string]any) line {
	result := line{Template: &text}
	parsed, err := template.New("t").Parse(text)
	if err != nil {
		result.Syntax = err.Error()
		return result
	}
	var out strings.Builder
	if err := parsed.Execute(&out, data); err != nil {
		result.Other = err.Error()
		return result
	}
	printed := out.String()
	result.Text = &printed
	return result
}

func main() {
	read, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	var data map[string]any
	for text := range strings.Lines(string(read)) {
		var read line
		if err := json.Unmarshal([]byte(text), &read); err != nil {
			panic(err)
		}
		if read.Data != nil {
			data = read.Data
			written.WriteString(text)
			continue
		}
		if err := encoder.Encode(render(*read.Template, data)); err != nil {
			panic(err)
		}
	}
	if err := os.WriteFile(os.Args[1], written.Bytes(), 0o644); err != nil {
		panic(err)
	}
}
