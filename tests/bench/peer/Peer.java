import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import javax.sql.DataSource;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * What a good engineer would write instead of `outbound sender` with Confluent's Parallel Consumer: for each record claim
 * the message in PostgreSQL, post it, store the answer and the attempt in one transaction; the library commits the
 * offset when that is done. Records hold the message's id. Runs until it is ended.
 *
 * <p>java Peer BROKERS TOPIC JDBC-URL PROVIDER-URL CONCURRENCY CONNECTIONS
 */
public final class Peer {
  private static final String CLAIM =
      "UPDATE bench_message SET status = 'SENDING', fence = fence + 1, attempt_count = attempt_count + 1,"
          + " updated_at = clock_timestamp(), lease_until = clock_timestamp() + interval '60 s'"
          + " WHERE id = ? AND status = 'QUEUED' RETURNING fence, body";
  private static final String FINISH =
      "WITH finished AS (UPDATE bench_message SET status = ?, provider_message_id = ?, lease_until = NULL,"
          + " updated_at = now(), sent_at = now() WHERE id = ? AND fence = ? AND status = 'SENDING' RETURNING id, fence)"
          + " INSERT INTO bench_attempt (message_id, attempt_no, outcome, provider_message_id, http_status, started_at,"
          + " finished_at) SELECT id, fence, ?, ?, ?, now() - ? * interval '1 us', now() FROM finished";

  private final DataSource database;
  private final HttpClient http;
  private final URI provider;

  private Peer(DataSource database, HttpClient http, URI provider) {
    this.database = database;
    this.http = http;
    this.provider = provider;
  }

  private record Claim(int fence, String body) {}

  /** Null: somebody else has it, or had it. */
  private Claim claim(UUID id) throws SQLException {
    try (Connection connection = database.getConnection();
        PreparedStatement statement = connection.prepareStatement(CLAIM)) {
      statement.setObject(1, id);
      try (ResultSet rows = statement.executeQuery()) {
        return rows.next() ? new Claim(rows.getInt(1), rows.getString(2)) : null;
      }
    }
  }

  private void finish(UUID id, int fence, HttpResponse<Void> answer, long micros) throws SQLException {
    String outcome = answer.statusCode() == 202 ? "SENT" : "FAILED";
    String providerId = answer.headers().firstValue("X-Message-Id").orElse(null);
    try (Connection connection = database.getConnection();
        PreparedStatement statement = connection.prepareStatement(FINISH)) {
      statement.setString(1, outcome);
      statement.setString(2, providerId);
      statement.setObject(3, id);
      statement.setInt(4, fence);
      statement.setString(5, outcome);
      statement.setString(6, providerId);
      statement.setInt(7, answer.statusCode());
      statement.setLong(8, micros);
      statement.executeUpdate();
    }
  }

  private void deliver(String record) {
    UUID id = UUID.fromString(record);
    try {
      Claim claim = claim(id);
      if (claim == null) {
        return;
      }
      long started = System.nanoTime();
      HttpRequest request =
          HttpRequest.newBuilder(provider)
              .timeout(Duration.ofSeconds(10))
              .header("Authorization", "Bearer key")
              .header("Content-Type", "application/json")
              .POST(HttpRequest.BodyPublishers.ofString(claim.body()))
              .build();
      HttpResponse<Void> answer = http.send(request, HttpResponse.BodyHandlers.discarding());
      finish(id, claim.fence(), answer, (System.nanoTime() - started) / 1000);
    } catch (Exception failure) {
      throw new IllegalStateException(record, failure);
    }
  }

  public static void main(String[] words) {
    if (words.length != 6) {
      System.err.println("usage: Peer BROKERS TOPIC JDBC-URL PROVIDER-URL CONCURRENCY CONNECTIONS");
      System.exit(2);
    }
    Properties settings = new Properties();
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, words[0]);
    settings.put(ConsumerConfig.GROUP_ID_CONFIG, "bench-peer");
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
    settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class.getName());
    settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class.getName());

    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl(words[2]);
    pool.setMaximumPoolSize(Integer.parseInt(words[5]));
    pool.addDataSourceProperty("prepareThreshold", "1");

    Peer peer =
        new Peer(
            new HikariDataSource(pool),
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build(),
            URI.create(words[3]));
    ParallelStreamProcessor<String, String> processor =
        ParallelStreamProcessor.createEosStreamProcessor(
            ParallelConsumerOptions.<String, String>builder()
                .consumer(new KafkaConsumer<>(settings))
                .ordering(ParallelConsumerOptions.ProcessingOrder.UNORDERED)
                .maxConcurrency(Integer.parseInt(words[4]))
                .build());
    Runtime.getRuntime().addShutdownHook(new Thread(processor::close));
    processor.subscribe(List.of(words[1]));
    processor.poll(context -> peer.deliver(context.value()));
  }
}
