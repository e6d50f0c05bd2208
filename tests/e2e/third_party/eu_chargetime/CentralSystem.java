import com.google.gson.*;
import eu.chargetime.ocpp.JSONServer;
import eu.chargetime.ocpp.ServerEvents;
import eu.chargetime.ocpp.feature.profile.ServerCoreEventHandler;
import eu.chargetime.ocpp.feature.profile.ServerCoreProfile;
import eu.chargetime.ocpp.model.Request;
import eu.chargetime.ocpp.model.SessionInformation;
import eu.chargetime.ocpp.model.core.*;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An OCPP 1.6 back end (central system) on the eu.chargetime.ocpp library, for the end-to-end tests:
 * what others would put behind a gateway that relays. It says yes to everything, and sends a command
 * of its own for each line that it reads: `start`, `stop` or `unlock`, and the station.
 */
public final class CentralSystem implements ServerCoreEventHandler, ServerEvents {
  private static final Gson JSON = new GsonBuilder()
      .registerTypeAdapter(ZonedDateTime.class,
          (JsonSerializer<ZonedDateTime>) (time, type, context) -> new JsonPrimitive(time.toInstant().toString()))
      .create();

  private final Map<UUID, String> stations = new ConcurrentHashMap<>();
  private final Map<String, UUID> sessions = new ConcurrentHashMap<>();
  private final Map<String, Integer> transactions = new ConcurrentHashMap<>();
  private final AtomicInteger numbers = new AtomicInteger();
  private final ServerCoreProfile core = new ServerCoreProfile(this);
  private final JSONServer server = new JSONServer(core);

  /** Argument: the port. */
  public static void main(String[] args) throws Exception {
    CentralSystem system = new CentralSystem();
    system.server.open("127.0.0.1", Integer.parseInt(args[0]), system);
    report("ready", Map.of());
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split(" ");
      system.command(words[0], words[1]);
    }
  }

  private void command(String word, String station) throws Exception {
    Request request = switch (word) {
      case "start" -> {
        RemoteStartTransactionRequest start = core.createRemoteStartTransactionRequest("DRIVER-1");
        start.setConnectorId(1);
        yield start;
      }
      case "stop" -> core.createRemoteStopTransactionRequest(transactions.get(station));
      default -> core.createUnlockConnectorRequest(1);
    };
    String method = request.getClass().getSimpleName().replace("Request", "");
    server.send(sessions.get(station), request).whenComplete((answer, error) -> {
      Object said = error == null ? answer : String.valueOf(error);
      String how = error == null ? "result" : "error";
      report("answer", Map.of("station", station, "method", method, how, said));
    });
  }

  private void heard(UUID session, Request request) {
    String method = request.getClass().getSimpleName().replace("Request", "");
    report("heard", Map.of("station", stations.get(session), "method", method, "params", request));
  }

  @Override public void authenticateSession(SessionInformation information, String user, byte[] password) {}

  @Override public void newSession(UUID session, SessionInformation information) {
    String path = information.getIdentifier();
    String station = path.substring(path.lastIndexOf('/') + 1);
    stations.put(session, station);
    sessions.put(station, session);
    report("connected", Map.of("station", station));
  }

  @Override public void lostSession(UUID session) {
    report("disconnected", Map.of("station", stations.get(session)));
  }

  @Override public AuthorizeConfirmation handleAuthorizeRequest(UUID session, AuthorizeRequest request) {
    heard(session, request);
    return new AuthorizeConfirmation(accepted());
  }

  @Override public BootNotificationConfirmation handleBootNotificationRequest(
      UUID session, BootNotificationRequest request) {
    heard(session, request);
    return new BootNotificationConfirmation(now(), 300, RegistrationStatus.Accepted);
  }

  @Override public DataTransferConfirmation handleDataTransferRequest(UUID session, DataTransferRequest request) {
    heard(session, request);
    return new DataTransferConfirmation(DataTransferStatus.Accepted);
  }

  @Override public HeartbeatConfirmation handleHeartbeatRequest(UUID session, HeartbeatRequest request) {
    heard(session, request);
    return new HeartbeatConfirmation(now());
  }

  @Override public MeterValuesConfirmation handleMeterValuesRequest(UUID session, MeterValuesRequest request) {
    heard(session, request);
    return new MeterValuesConfirmation();
  }

  @Override public StartTransactionConfirmation handleStartTransactionRequest(
      UUID session, StartTransactionRequest request) {
    heard(session, request);
    int number = numbers.incrementAndGet();
    transactions.put(stations.get(session), number);
    return new StartTransactionConfirmation(accepted(), number);
  }

  @Override public StatusNotificationConfirmation handleStatusNotificationRequest(
      UUID session, StatusNotificationRequest request) {
    heard(session, request);
    return new StatusNotificationConfirmation();
  }

  @Override public StopTransactionConfirmation handleStopTransactionRequest(
      UUID session, StopTransactionRequest request) {
    heard(session, request);
    return new StopTransactionConfirmation();
  }

  private static IdTagInfo accepted() {
    return new IdTagInfo(AuthorizationStatus.Accepted);
  }

  private static ZonedDateTime now() {
    return ZonedDateTime.now(ZoneOffset.UTC);
  }

  private static synchronized void report(String event, Map<String, ?> fields) {
    Map<String, Object> line = new LinkedHashMap<>(fields);
    line.put("event", event);
    System.out.println(JSON.toJson(line));
  }
}
