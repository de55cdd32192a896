// A client of Obverse in Go that knows its contracts alone: it orders, reads what it ordered, follows
// asynchronous commands to their end, and proves the log.
//
// OBVERSE_COMMAND_ADDRESS and OBVERSE_QUERY_ADDRESS say where the servers are, OBVERSE_SERVICE_CONFIG names
// docs/service-config.json; with OBVERSE_NATS_URL the log is read from the stream too. Anything unexpected ends it with 1.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	line, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "client: language=go:", err)
		os.Exit(1)
	}
	fmt.Println(line)
}

func run(ctx context.Context) (string, error) {
	commands, err := connect("OBVERSE_COMMAND_ADDRESS")
	if err != nil {
		return "", err
	}
	defer commands.Close()
	queries, err := connect("OBVERSE_QUERY_ADDRESS")
	if err != nil {
		return "", err
	}
	defer queries.Close()

	shop := newShop(commands, queries)
	if _, err := shop.order(ctx); err != nil {
		return "", err
	}
	last, err := newPlacing(shop, queries).order(ctx)
	if err != nil {
		return "", err
	}
	listed, err := shop.countOrders(ctx, last)
	if err != nil {
		return "", err
	}
	read, err := readLog(ctx, commands, listed.asOf)
	if err != nil {
		return "", err
	}
	if err := equal("orders in the log and in the list", read.orders, listed.orders); err != nil {
		return "", err
	}
	line := fmt.Sprintf("client: language=go orders=%d chain=ok", read.orders)
	url := os.Getenv("OBVERSE_NATS_URL")
	if url == "" {
		return line, nil
	}
	streamed, err := readStream(ctx, url, listed.asOf)
	if err != nil {
		return "", err
	}
	if err := equal("the fold of the stream", *streamed, *read); err != nil {
		return "", err
	}
	return line + " stream=ok", nil
}

// connect opens a channel with the service config of the documentation.
func connect(variable string) (*grpc.ClientConn, error) {
	config, err := os.ReadFile(os.Getenv("OBVERSE_SERVICE_CONFIG"))
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(
		os.Getenv(variable),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(string(config)),
	)
}

func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, not %v", what, got, want)
	}
	return nil
}
