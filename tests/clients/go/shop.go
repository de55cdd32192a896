package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "obverse.test/client/gen/cqrs/common/v1"
	shopv1 "obverse.test/client/gen/cqrs/shop/v1"
)

const placed = 5

type shop struct {
	commands shopv1.OrderCommandServiceClient
	queries  shopv1.OrderQueryServiceClient
	customer string
}

func newShop(commands, queries grpc.ClientConnInterface) *shop {
	return &shop{
		shopv1.NewOrderCommandServiceClient(commands),
		shopv1.NewOrderQueryServiceClient(queries),
		"customer-go-" + rand.Text(),
	}
}

// order places orders and reads them back; it returns the token of the last one.
func (s *shop) order(ctx context.Context) (*commonv1.ConsistencyToken, error) {
	var last *commonv1.ConsistencyToken
	for number := range placed {
		receipt, err := s.place(ctx, s.request(number))
		if err != nil {
			return nil, err
		}
		if err := s.readOwnWrite(ctx, s.request(number), receipt); err != nil {
			return nil, err
		}
		last = receipt.GetToken()
	}
	return last, errors.Join(s.refused(ctx), s.tooEarly(ctx, last), s.list(ctx, last))
}

func (s *shop) request(number int) *shopv1.CreateOrderRequest {
	euros := func(cents int64) *commonv1.Money { return &commonv1.Money{MinorUnits: cents, CurrencyCode: "EUR"} }
	id := fmt.Sprintf("%s-%d", s.customer, number)
	return &shopv1.CreateOrderRequest{
		Context:    &commonv1.CommandContext{CommandId: "place-" + id},
		OrderId:    "order-" + id,
		CustomerId: s.customer,
		Items: []*shopv1.OrderItem{
			{ProductId: "prod_001", ProductName: "Laptop", Quantity: 1, Price: euros(99999)},
			{ProductId: "prod_002", ProductName: "Mouse", Quantity: int64(number) + 1, Price: euros(2500)},
		},
		TotalAmount: euros(99999 + 2500*(int64(number)+1)),
	}
}

// place sends the command twice: one effect, the same receipt.
func (s *shop) place(ctx context.Context, request *shopv1.CreateOrderRequest) (*commonv1.CommandReceipt, error) {
	first, err := s.commands.CreateOrder(ctx, request)
	if err != nil {
		return nil, err
	}
	again, err := s.commands.CreateOrder(ctx, request)
	if err != nil {
		return nil, err
	}
	expected := proto.CloneOf(first.GetReceipt())
	expected.Replayed = true
	if first.GetReceipt().GetReplayed() || !proto.Equal(again.GetReceipt(), expected) {
		return nil, fmt.Errorf("a command sent again: got %v, not %v", again.GetReceipt(), expected)
	}
	return first.GetReceipt(), equal("the new order's version", first.GetReceipt().GetVersion(), 1)
}

func (s *shop) readOwnWrite(
	ctx context.Context, placed *shopv1.CreateOrderRequest, receipt *commonv1.CommandReceipt,
) error {
	answer, err := s.queries.GetOrder(ctx, &shopv1.GetOrderRequest{
		Consistency: atLeast(receipt.GetToken()), OrderId: receipt.GetAggregateId(),
	})
	if err != nil {
		return err
	}
	order := answer.GetOrder()
	if !proto.Equal(order.GetTotalAmount(), placed.GetTotalAmount()) ||
		!slices.EqualFunc(order.GetItems(), placed.GetItems(), func(a, b *shopv1.OrderItem) bool { return proto.Equal(a, b) }) {
		return fmt.Errorf("the order read back: got %v, not %v", order, placed)
	}
	return errors.Join(
		equal("order id", order.GetOrderId(), placed.GetOrderId()),
		equal("customer", order.GetCustomer().GetCustomerId(), s.customer),
		equal("status", order.GetStatus(), shopv1.OrderStatus_ORDER_STATUS_PENDING),
		equal("place in the lists", order.GetCreatePosition(), receipt.GetToken().GetPosition()),
	)
}

// refused sends a malformed command, and one that the order's state does not allow.
func (s *shop) refused(ctx context.Context) error {
	_, malformed := s.commands.CreateOrder(ctx, &shopv1.CreateOrderRequest{
		CustomerId: s.customer, CustomerEmail: "nobody",
	})
	_, early := s.commands.ShipOrder(ctx, &shopv1.ShipOrderRequest{
		OrderId: s.request(0).GetOrderId(), TrackingNumber: "TRACK-1",
	})
	return errors.Join(
		equal("a malformed order", refusalOf(malformed), refusal{
			codes.InvalidArgument, "cqrs.common.v1", "INVALID_REQUEST", "customer_email items",
		}),
		equal("a shipment too early", refusalOf(early), refusal{
			codes.FailedPrecondition, "cqrs.shop.v1", "ORDER_NOT_PROCESSING", "",
		}),
	)
}

// tooEarly asks for a point that the log has not reached: UNAVAILABLE, after the attempts of the service config.
func (s *shop) tooEarly(ctx context.Context, last *commonv1.ConsistencyToken) error {
	future := atLeast(&commonv1.ConsistencyToken{Epoch: last.GetEpoch(), Position: last.GetPosition() + 1_000_000})
	future.MaxWait = durationpb.New(0)
	_, err := s.queries.GetOrder(ctx, &shopv1.GetOrderRequest{
		Consistency: future, OrderId: s.request(0).GetOrderId(),
	})
	return equal("an order of the future", refusalOf(err), refusal{
		codes.Unavailable, "cqrs.common.v1", "NOT_CAUGHT_UP", "",
	})
}

// list pages through the customer's orders: newest first, each once.
func (s *shop) list(ctx context.Context, last *commonv1.ConsistencyToken) error {
	var got, want []string
	for number := range placed {
		want = append(want, s.request(placed-1-number).GetOrderId())
	}
	request := &shopv1.ListCustomerOrdersRequest{
		Consistency: atLeast(last), CustomerId: s.customer, PageSize: 2,
	}
	for len(got) == 0 || request.GetPageToken() != "" {
		page, err := s.queries.ListCustomerOrders(ctx, request)
		if err != nil {
			return err
		}
		if len(page.GetOrders()) == 0 || len(page.GetOrders()) > 2 || page.GetTotalSize() != placed {
			return fmt.Errorf("a page of the customer's orders: %v", page)
		}
		for _, order := range page.GetOrders() {
			got = append(got, order.GetOrderId())
		}
		request.PageToken = page.GetNextPageToken()
	}
	return equal("the customer's orders", fmt.Sprint(got), fmt.Sprint(want))
}

type listed struct {
	orders int64
	asOf   int64
}

// countOrders says how many orders the list of all has, and up to which position of the log.
func (s *shop) countOrders(ctx context.Context, last *commonv1.ConsistencyToken) (*listed, error) {
	answer, err := s.queries.ListOrders(ctx, &shopv1.ListOrdersRequest{Consistency: atLeast(last), PageSize: 1})
	if err != nil {
		return nil, err
	}
	return &listed{answer.GetTotalSize(), answer.GetMetadata().GetAsOf().GetPosition()}, nil
}

func atLeast(token *commonv1.ConsistencyToken) *commonv1.ReadConsistency {
	return &commonv1.ReadConsistency{AtLeast: &commonv1.ReadConsistency_AtLeastToken{AtLeastToken: token}}
}
