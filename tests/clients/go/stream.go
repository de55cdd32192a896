package main

import (
	"context"
	"encoding/hex"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// readStream folds the stream LOG up to a position, from its first message, over NATS alone.
func readStream(ctx context.Context, url string, until int64) (*fold, error) {
	connection, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	broker, err := jetstream.New(connection)
	if err != nil {
		return nil, err
	}
	consumer, err := broker.OrderedConsumer(ctx, "LOG", jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	var read *fold
	for read == nil || read.position < until {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		if read == nil {
			if read, err = newFold(message.Headers().Get("Obverse-Epoch")); err != nil {
				return nil, err
			}
		}
		if err := addMessage(read, message); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// addMessage folds a message in: its sequence in the stream is its position in the log.
func addMessage(read *fold, message jetstream.Msg) error {
	about, err := message.Metadata()
	if err != nil {
		return err
	}
	headers := message.Headers()
	sequence := int64(about.Sequence.Stream)
	if err := equal("Obverse-Position", headers.Get("Obverse-Position"), strconv.FormatInt(sequence, 10)); err != nil {
		return err
	}
	chain, err := hex.DecodeString(headers.Get("Obverse-Chain"))
	if err != nil {
		return err
	}
	return read.add(headers.Get("Obverse-Epoch"), sequence, message.Data(), chain)
}
