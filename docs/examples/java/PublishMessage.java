import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Hands one e-mail over to outbound: publishes a MessageRequest to the topic outbound.requests.
 *
 * <p>usage: PublishMessage BROKERS REGISTRY_URL RECIPIENT [REQUEST_ID]
 *
 * <p>Runs in the repository's root, where the schema is.
 */
public class PublishMessage {
    private static final String TOPIC = "outbound.requests";
    private static final Path SCHEMA = Path.of("schemas/avro/MessageRequest.avsc");

    public static void main(String[] args) throws Exception {
        if (args.length < 3 || args.length > 4) {
            System.err.println("usage: PublishMessage BROKERS REGISTRY_URL RECIPIENT [REQUEST_ID]");
            System.exit(1);
        }
        String brokers = args[0];
        String registryUrl = args[1];
        String recipient = args[2];
        // With source it is what the request is known by: publish it again, and nothing is sent twice.
        String requestId = args.length == 4 ? args[3] : UUID.randomUUID().toString();

        Schema schema = new Schema.Parser().parse(SCHEMA.toFile());
        GenericRecord request = new GenericRecordBuilder(schema)
                .set("requestId", requestId)
                .set("source", "shop-java")
                .set("dossierId", 4711L)
                .set("channel", "EMAIL")
                .set("to", recipient)
                .set("templateCode", "welcome_email")
                .set("subject", "Welcome")
                .set("payloadJson", "{\"name\": \"Ada\"}")
                .build();

        Map<String, Object> settings = Map.of(
                "bootstrap.servers", brokers,
                "key.serializer", StringSerializer.class.getName(),
                "delivery.timeout.ms", 30_000, // idempotent and acks=all, as this client is by default
                "request.timeout.ms", 10_000,
                "value.serializer", "io.apicurio.registry.serde.avro.AvroKafkaSerializer",
                "apicurio.registry.url", registryUrl,
                // Confluent's wire format: a zero byte and the schema's id in four bytes, no headers.
                "apicurio.registry.as-confluent", true,
                "apicurio.registry.use-id", "contentId",
                "apicurio.registry.headers.enabled", false);

        try (var producer = new KafkaProducer<String, GenericRecord>(settings)) {
            var record = new ProducerRecord<>(TOPIC, "dossier-" + request.get("dossierId"), request);
            var written = producer.send(record).get();
            System.out.printf(
                    "published %s to %s, partition %d, offset %d%n",
                    requestId, TOPIC, written.partition(), written.offset());
        } catch (ExecutionException e) {
            System.err.println("not published, or nobody knows; publish it again with the same requestId: " + e.getCause());
            System.exit(1);
        }
    }
}
