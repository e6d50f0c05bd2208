import com.google.gson.Gson;
import eu.chargetime.ocpp.ClientEvents;
import eu.chargetime.ocpp.JSONClient;
import eu.chargetime.ocpp.JSONConfiguration;
import eu.chargetime.ocpp.feature.profile.ClientCoreEventHandler;
import eu.chargetime.ocpp.feature.profile.ClientCoreProfile;
import eu.chargetime.ocpp.model.Confirmation;
import eu.chargetime.ocpp.model.Request;
import eu.chargetime.ocpp.model.core.*;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.*;
import java.util.concurrent.*;

/**
 * An OCPP 1.6 charge point on the eu.chargetime.ocpp library, for the end-to-end tests.
 *
 * <p>One connector whose cable is in. What happens is printed as one JSON object per line. Facts are
 * sent by one thread of their own, so that a start may overtake its answer, as in the field.
 */
public final class ChargePoint implements ClientCoreEventHandler {
  private static final int CONNECTOR = 1;
  private static final Gson JSON = new Gson();

  private final ExecutorService driver = Executors.newSingleThreadExecutor();
  private final ClientCoreProfile core = new ClientCoreProfile(this);
  private final JSONClient client;
  private volatile String idTag; // of the session that was asked for or runs; null when there is none
  private volatile Integer transactionId;

  private ChargePoint(String id, String password) {
    JSONConfiguration configuration = JSONConfiguration.get();
    if (password != null) {
      configuration.setParameter(JSONConfiguration.USERNAME_PARAMETER, id);
      configuration.setParameter(JSONConfiguration.PASSWORD_PARAMETER, password);
    }
    client = new JSONClient(core, id, configuration);
  }

  /** Arguments: the station's id, the URL without the id, and optionally a password. */
  public static void main(String[] args) throws Exception {
    if (args.length < 2) {
      System.err.println("usage: ChargePoint ID ws://HOST:PORT/ocpp [PASSWORD]");
      System.exit(2);
    }
    ChargePoint station = new ChargePoint(args[0], args.length > 2 ? args[2] : null);
    station.connect(args[1]);
    station.boot();
    station.show(ChargePointStatus.Preparing);
    report("ready", Map.of());
    new CountDownLatch(1).await();
  }

  private void connect(String url) throws InterruptedException {
    CountDownLatch opened = new CountDownLatch(1);
    client.connect(url, new ClientEvents() {
      @Override public void connectionOpened() {
        report("connected", Map.of());
        opened.countDown();
      }

      @Override public void connectionClosed() {
        report("disconnected", Map.of());
      }
    });
    if (!opened.await(20, TimeUnit.SECONDS)) {
      report("failed", Map.of("error", "not connected within 20 s"));
      System.exit(1);
    }
  }

  private void boot() throws Exception {
    while (true) {
      BootNotificationConfirmation answer =
          (BootNotificationConfirmation) call(core.createBootNotificationRequest("eu.chargetime", "test-16"));
      report("booted", Map.of("status", answer.getStatus().name()));
      if (answer.getStatus() == RegistrationStatus.Accepted) {
        return;
      }
      Thread.sleep(1000L * Math.max(1, answer.getInterval()));
    }
  }

  private Confirmation call(Request request) throws Exception {
    return client.send(request).toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  private void show(ChargePointStatus status) throws Exception {
    call(core.createStatusNotificationRequest(CONNECTOR, ChargePointErrorCode.NoError, status));
  }

  private void startSession() throws Exception {
    StartTransactionConfirmation answer = (StartTransactionConfirmation)
        call(core.createStartTransactionRequest(CONNECTOR, idTag, 1000, now()));
    transactionId = answer.getTransactionId();
    report("session_started", Map.of("transactionId", transactionId));
    if (answer.getIdTagInfo().getStatus() != AuthorizationStatus.Accepted) {
      endSession(Reason.DeAuthorized);
      return;
    }
    show(ChargePointStatus.Charging);
  }

  private void endSession(Reason reason) throws Exception {
    StopTransactionRequest request = core.createStopTransactionRequest(1500, now(), transactionId);
    request.setIdTag(idTag);
    request.setReason(reason);
    call(request);
    report("session_ended", Map.of("transactionId", transactionId, "reason", reason.name()));
    idTag = null;
    transactionId = null;
    show(ChargePointStatus.Finishing);
    show(ChargePointStatus.Available);
  }

  private void later(Callable<Void> work) {
    driver.submit(() -> {
      try {
        work.call();
      } catch (Exception error) {
        report("violation", Map.of("error", String.valueOf(error)));
      }
    });
  }

  @Override public RemoteStartTransactionConfirmation handleRemoteStartTransactionRequest(
      RemoteStartTransactionRequest request) {
    report("received", Map.of("method", "RemoteStartTransaction"));
    boolean here = request.getConnectorId() == null || request.getConnectorId() == CONNECTOR;
    if (idTag != null || !here) {
      return new RemoteStartTransactionConfirmation(RemoteStartStopStatus.Rejected);
    }
    idTag = request.getIdTag();
    later(() -> { startSession(); return null; });
    return new RemoteStartTransactionConfirmation(RemoteStartStopStatus.Accepted);
  }

  @Override public RemoteStopTransactionConfirmation handleRemoteStopTransactionRequest(
      RemoteStopTransactionRequest request) {
    report("received", Map.of("method", "RemoteStopTransaction"));
    if (!request.getTransactionId().equals(transactionId)) {
      return new RemoteStopTransactionConfirmation(RemoteStartStopStatus.Rejected);
    }
    later(() -> { endSession(Reason.Remote); return null; });
    return new RemoteStopTransactionConfirmation(RemoteStartStopStatus.Accepted);
  }

  @Override public GetConfigurationConfirmation handleGetConfigurationRequest(GetConfigurationRequest request) {
    report("received", Map.of("method", "GetConfiguration"));
    Map<String, String> settings = Map.of("ConnectionTimeOut", "60", "NumberOfConnectors", "1");
    String[] asked = request.getKey() == null ? new String[0] : request.getKey();
    Collection<String> keys = asked.length == 0 ? settings.keySet() : Arrays.asList(asked);
    List<KeyValueType> known = new ArrayList<>();
    List<String> unknown = new ArrayList<>();
    for (String key : keys) {
      if (settings.containsKey(key)) {
        KeyValueType value = new KeyValueType(key, true);
        value.setValue(settings.get(key));
        known.add(value);
      } else {
        unknown.add(key);
      }
    }
    GetConfigurationConfirmation answer = new GetConfigurationConfirmation();
    answer.setConfigurationKey(known.toArray(new KeyValueType[0]));
    answer.setUnknownKey(unknown.toArray(new String[0]));
    return answer;
  }

  @Override public UnlockConnectorConfirmation handleUnlockConnectorRequest(UnlockConnectorRequest request) {
    return new UnlockConnectorConfirmation(UnlockStatus.NotSupported);
  }

  @Override public ResetConfirmation handleResetRequest(ResetRequest request) {
    return new ResetConfirmation(ResetStatus.Rejected);
  }

  @Override public ChangeConfigurationConfirmation handleChangeConfigurationRequest(
      ChangeConfigurationRequest request) {
    return new ChangeConfigurationConfirmation(ConfigurationStatus.NotSupported);
  }

  @Override public ChangeAvailabilityConfirmation handleChangeAvailabilityRequest(
      ChangeAvailabilityRequest request) {
    return new ChangeAvailabilityConfirmation(AvailabilityStatus.Rejected);
  }

  @Override public ClearCacheConfirmation handleClearCacheRequest(ClearCacheRequest request) {
    return new ClearCacheConfirmation(ClearCacheStatus.Rejected);
  }

  @Override public DataTransferConfirmation handleDataTransferRequest(DataTransferRequest request) {
    return new DataTransferConfirmation(DataTransferStatus.UnknownVendorId);
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
