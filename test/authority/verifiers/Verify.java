import java.io.FileInputStream;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Connects to each PORT=HOST of the arguments with the trust store of the first one, and says how that ended. */
public class Verify {
  public static void main(String[] args) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream file = new FileInputStream(args[0])) {
      store.load(file, "changeit".toCharArray());
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    for (int index = 1; index < args.length; index += 1) {
      String[] test = args[index].split("=");
      Socket plain = new Socket("127.0.0.1", Integer.parseInt(test[0]));
      try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, test[1], plain.getPort(), true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        System.out.println(test[0] + " accepted");
      } catch (SSLHandshakeException error) {
        if (!(error.getCause() instanceof CertificateException)) throw error;
        System.out.println(test[0] + " refused " + error.getMessage());
      }
    }
  }
}
