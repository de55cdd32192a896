package main

import (
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refusal is what a google.rpc.Status says: its code, ErrorInfo's domain and reason, the fields of BadRequest by name.
type refusal struct {
	code   codes.Code
	domain string
	reason string
	fields string
}

func refusalOf(err error) refusal {
	said := status.Convert(err)
	found := refusal{code: said.Code()}
	var fields []string
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.domain, found.reason = detail.GetDomain(), detail.GetReason()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
		}
	}
	slices.Sort(fields)
	found.fields = strings.Join(fields, " ")
	return found
}
