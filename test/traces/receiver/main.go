// Command receiver is the OpenTelemetry Collector's OTLP receiver by itself: it listens at the address that it is given,
// and prints each batch of spans as one line of OTLP's JSON.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(endpoint string) error {
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	settings := map[string]any{"protocols": map[string]any{"http": map[string]any{"endpoint": endpoint}}}
	if err := confmap.NewFromStringMap(settings).Unmarshal(config); err != nil {
		return err
	}
	ctx := context.Background()
	started, err := factory.CreateTraces(ctx, receiver.Settings{
		ID:                component.NewID(factory.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}, config, printer())
	if err != nil {
		return err
	}
	if err := started.Start(ctx, componenttest.NewNopHost()); err != nil {
		return err
	}
	fmt.Println("listening")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	return started.Shutdown(ctx)
}

func printer() consumer.Traces {
	marshaler := &ptrace.JSONMarshaler{}
	traces, err := consumer.NewTraces(func(_ context.Context, batch ptrace.Traces) error {
		line, err := marshaler.MarshalTraces(batch)
		if err != nil {
			return err
		}
		_, err = fmt.Printf("%s\n", line)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	return traces
}
