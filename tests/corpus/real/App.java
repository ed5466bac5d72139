/* A Java server for recordings: java App.java PORT MISTAKE. MISTAKE: none, list (keeps every request), garbage (no
 * mistake: allocates much and drops it, so that the heap grows to what the collector likes). 127.0.0.1 only. */
import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;

public class App {
	static final List<byte[]> kept = new ArrayList<>();

	public static void main(String[] args) throws Exception {
		String mistake = args[1];
		HttpServer s = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), Integer.parseInt(args[0])), 64);
		s.setExecutor(Executors.newFixedThreadPool(8));
		s.createContext("/", x -> {
			byte[] body = new byte[400 + Math.abs(x.getRequestURI().hashCode() % 2000)];
			if (mistake.equals("list"))
				synchronized (kept) { kept.add(new byte[1500]); }
			if (mistake.equals("garbage"))
				body[0] = (byte) new byte[60000].length;
			x.sendResponseHeaders(200, body.length);
			x.getResponseBody().write(body);
			x.close();
		});
		s.start();
	}
}
