// Hands one e-mail over to outbound: publishes a MessageRequest to the topic outbound.requests.
//
// usage: publish BROKERS REGISTRY_URL RECIPIENT [REQUEST_ID]
//
// Runs in the repository's root, where the schema is.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

const (
	topic      = "outbound.requests"
	schemaFile = "schemas/avro/MessageRequest.avsc"
)

// MessageRequest has the fields that this service uses; the others take their defaults.
type MessageRequest struct {
	RequestID    *string `avro:"requestId"`
	Source       string  `avro:"source"`
	DossierID    int64   `avro:"dossierId"`
	Channel      string  `avro:"channel"`
	To           string  `avro:"to"`
	TemplateCode string  `avro:"templateCode"`
	Subject      *string `avro:"subject"`
	PayloadJSON  string  `avro:"payloadJson"`
}

// serializer puts the schema's id in the registry before each datum. The schema is registered already
// (docs/upstream.md): a service in production registers nothing by itself.
func serializer(ctx context.Context, registryURL string) (*sr.Serde, error) {
	bytes, err := os.ReadFile(schemaFile)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(string(bytes)) // as it is registered: there are registries that compare bytes
	schema, err := avro.Parse(text)
	if err != nil {
		return nil, err
	}
	registry, err := sr.NewClient(sr.URLs(registryURL))
	if err != nil {
		return nil, err
	}
	registered, err := registry.LookupSchema(ctx, topic+"-value", sr.Schema{Schema: text})
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", schemaFile, registryURL, err)
	}
	var serde sr.Serde
	serde.Register(registered.ID, MessageRequest{}, sr.EncodeFn(func(request any) ([]byte, error) {
		return avro.Marshal(schema, request)
	}))
	return &serde, nil
}

func publish(brokers, registryURL, recipient, requestID string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	serde, err := serializer(ctx, registryURL)
	if err != nil {
		return err
	}
	subject := "Welcome"
	request := MessageRequest{
		// With Source it is what the request is known by: publish it again, and nothing is sent twice.
		RequestID:    &requestID,
		Source:       "shop-go",
		DossierID:    4711,
		Channel:      "EMAIL",
		To:           recipient,
		TemplateCode: "welcome_email",
		Subject:      &subject,
		PayloadJSON:  `{"name": "Ada"}`,
	}
	value, err := serde.Encode(request)
	if err != nil {
		return err
	}
	// Idempotent and acks=all, as this client is by default.
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return err
	}
	defer client.Close()

	key := fmt.Sprintf("dossier-%d", request.DossierID)
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("not published, or nobody knows; publish it again with the same requestId: %w", err)
	}
	fmt.Printf("published %s to %s, partition %d, offset %d\n", requestID, topic, record.Partition, record.Offset)
	return nil
}

func main() {
	if len(os.Args) < 4 || len(os.Args) > 5 {
		fmt.Fprintln(os.Stderr, "usage: publish BROKERS REGISTRY_URL RECIPIENT [REQUEST_ID]")
		os.Exit(1)
	}
	requestID := fmt.Sprintf("welcome-%d", time.Now().UnixNano())
	if len(os.Args) == 5 {
		requestID = os.Args[4]
	}
	if err := publish(os.Args[1], os.Args[2], os.Args[3], requestID); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
