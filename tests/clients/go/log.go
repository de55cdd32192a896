package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	logv1 "obverse.test/client/gen/cqrs/log/v1"
	shopv1 "obverse.test/client/gen/cqrs/shop/v1"
)

// fold is what is known of the log up to a position.
type fold struct {
	epoch    string
	position int64
	chain    [sha256.Size]byte
	orders   int64
}

// newFold begins before the first record, with the genesis of the epoch's chain.
func newFold(epoch string) (*fold, error) {
	id, err := hex.DecodeString(strings.ReplaceAll(epoch, "-", ""))
	if err != nil || len(id) != 16 {
		return nil, fmt.Errorf("epoch %q is no UUID", epoch)
	}
	return &fold{epoch: epoch, chain: sha256.Sum256(id)}, nil
}

// add folds the next record in, after proving that it is the next one.
func (f *fold) add(epoch string, position int64, record, chain []byte) error {
	if epoch != f.epoch || position != f.position+1 {
		return fmt.Errorf("record %d of epoch %s came after %d of %s", position, epoch, f.position, f.epoch)
	}
	linked := binary.BigEndian.AppendUint64(f.chain[:], uint64(position))
	f.chain, f.position = sha256.Sum256(append(linked, record...)), position
	if string(chain) != string(f.chain[:]) {
		return fmt.Errorf("the chain at %d: got %x, not %x", position, chain, f.chain)
	}
	envelope := &logv1.Record{}
	if err := proto.Unmarshal(record, envelope); err != nil {
		return err
	}
	created := &shopv1.OrderCreated{}
	if envelope.GetType() != string(created.ProtoReflect().Descriptor().FullName()) {
		return nil
	}
	f.orders++
	if err := proto.Unmarshal(envelope.GetData(), created); err != nil {
		return err
	}
	return equal("the stream of an order", envelope.GetStream(), "shop.order-"+created.GetOrderId())
}

// readLog reads the whole log, proves its chain up to the head, and returns the fold up to a position.
func readLog(ctx context.Context, connection grpc.ClientConnInterface, until int64) (*fold, error) {
	client := logv1.NewLogServiceClient(connection)
	head, err := client.GetHead(ctx, &logv1.GetHeadRequest{})
	if err != nil {
		return nil, err
	}
	records, err := client.ReadLog(ctx, &logv1.ReadLogRequest{StopAtHead: true})
	if err != nil {
		return nil, err
	}
	read, err := newFold(head.GetToken().GetEpoch())
	if err != nil {
		return nil, err
	}
	var found *fold
	var atHead string
	for {
		next, err := records.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := read.add(next.GetEpoch(), next.GetPosition(), next.GetRecord(), next.GetChain()); err != nil {
			return nil, err
		}
		if read.position == until {
			copied := *read
			found = &copied
		}
		if read.position == head.GetToken().GetPosition() {
			atHead = string(read.chain[:])
		}
	}
	if found == nil {
		return nil, fmt.Errorf("the log ended at %d, before %d", read.position, until)
	}
	return found, equal("the chain at the head", atHead, string(head.GetChain()))
}
