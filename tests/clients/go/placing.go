package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	adminv1 "obverse.test/client/gen/cqrs/admin/v1"
	commonv1 "obverse.test/client/gen/cqrs/common/v1"
	shopv1 "obverse.test/client/gen/cqrs/shop/v1"
)

// placing sends asynchronous commands and follows them to their end.
type placing struct {
	shop  *shop
	ended adminv1.CommandQueryServiceClient
}

func newPlacing(shop *shop, queries grpc.ClientConnInterface) *placing {
	return &placing{shop, adminv1.NewCommandQueryServiceClient(queries)}
}

// order places an order and reads it once the command has succeeded; it returns the token of that.
func (p *placing) order(ctx context.Context) (*commonv1.ConsistencyToken, error) {
	request := p.request()
	accepted, err := p.shop.commands.PlaceOrder(ctx, request)
	if err != nil {
		return nil, err
	}
	command, err := p.followed(ctx, accepted.GetReceipt())
	if err != nil {
		return nil, err
	}
	again, err := p.shop.commands.PlaceOrder(ctx, request)
	if err != nil {
		return nil, err
	}
	token := command.GetReceipt().GetToken()
	answer, err := p.shop.queries.GetOrder(ctx, &shopv1.GetOrderRequest{
		Consistency: atLeast(token), OrderId: request.GetOrderId(),
	})
	if err != nil {
		return nil, err
	}
	return token, errors.Join(
		equal("the placing", command.GetState(), commonv1.CommandState_COMMAND_STATE_SUCCEEDED),
		equal("the new order's version", command.GetReceipt().GetVersion(), 1),
		equal("a command sent again", again.GetReceipt().GetState(), commonv1.CommandState_COMMAND_STATE_SUCCEEDED),
		equal("replayed", again.GetReceipt().GetReplayed(), true),
		equal("who carries it on", answer.GetOrder().GetFulfilment(), shopv1.Fulfilment_FULFILMENT_SAGA),
		equal("place in the lists", answer.GetOrder().GetCreatePosition() <= token.GetPosition(), true),
		p.refused(ctx),
	)
}

// refused sends a command that is accepted and then refused: nobody fulfils an order that was not placed.
func (p *placing) refused(ctx context.Context) error {
	accepted, err := p.shop.commands.ConfirmOrder(ctx, &shopv1.ConfirmOrderRequest{
		OrderId: p.shop.request(0).GetOrderId(),
	})
	if err != nil {
		return err
	}
	command, err := p.followed(ctx, accepted.GetReceipt())
	if err != nil {
		return err
	}
	said := command.GetRefusal()
	return errors.Join(
		equal("the confirmation", command.GetState(), commonv1.CommandState_COMMAND_STATE_REFUSED),
		equal("its refusal", refusal{codes.Code(said.GetCode()), said.GetDomain(), said.GetReason(), ""}, refusal{
			codes.FailedPrecondition, "cqrs.shop.v1", "WRONG_MOMENT", "",
		}),
	)
}

// followed watches an accepted command until the stream ends with its final state.
func (p *placing) followed(ctx context.Context, accepted *commonv1.CommandReceipt) (*adminv1.CommandView, error) {
	if err := errors.Join(
		equal("an asynchronous command", accepted.GetState(), commonv1.CommandState_COMMAND_STATE_ACCEPTED),
		equal("its channel", accepted.GetChannel(), "orders"),
	); err != nil {
		return nil, err
	}
	changes, err := p.ended.WatchCommand(ctx, &adminv1.WatchCommandRequest{
		Consistency: atLeast(accepted.GetToken()), CommandId: accepted.GetCommandId(),
	})
	if err != nil {
		return nil, err
	}
	var last *adminv1.CommandView
	for {
		change, err := changes.Recv()
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", accepted.GetCommandId(), err)
		}
		last = change.GetCommand()
	}
}

func (p *placing) request() *shopv1.PlaceOrderRequest {
	customer := p.shop.customer + "-placing"
	return &shopv1.PlaceOrderRequest{
		Context:       &commonv1.CommandContext{CommandId: "place-" + customer},
		OrderId:       "order-" + customer,
		UserId:        customer,
		CustomerEmail: "ada@example.com",
		Payment:       &shopv1.PaymentMethod{Token: "tok_ok"},
		Items:         p.shop.request(0).GetItems(),
	}
}
