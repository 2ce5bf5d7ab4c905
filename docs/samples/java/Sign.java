// java Sign.java FILE_ID VIEWER
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;

import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

class Sign {
  public static void main(String[] args) throws Exception {
    long now = System.currentTimeMillis() / 1000;
    String uid = json(args[1]);
    String header = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":%s}".formatted(json(System.getenv("KEYVEIL_KID")));
    String claims = """
        {"appId":%d,"fileId":%s,"currentTimeStamp":%d,"expireTimeStamp":%d,
         "urlAccessInfo":{"exper":60},"ghostWatermarkInfo":{"text":%s},"keyveil":{"uid":%s}}"""
        .formatted(Long.valueOf(System.getenv("KEYVEIL_APP_ID")), json(args[0]), now, now + 2 * 3600, uid, uid);
    String input = base64url(header.getBytes(UTF_8)) + "." + base64url(claims.getBytes(UTF_8));
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(System.getenv("KEYVEIL_SIGNING_KEY").getBytes(UTF_8), "HmacSHA256"));
    System.out.println(input + "." + base64url(mac.doFinal(input.getBytes(UTF_8))));
  }

  /** A JSON string that nothing can break out of: every character is escaped. Use your JSON library where you have one. */
  static String json(String text) {
    return text.chars().mapToObj(unit -> "\\u%04x".formatted(unit)).collect(joining("", "\"", "\""));
  }

  static String base64url(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
