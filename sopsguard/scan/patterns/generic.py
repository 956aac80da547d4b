"""Secrets known by the name of their setting, by the URL they stand in, or by a general form; tried last."""

from sopsguard.scan.patterns.pattern import PASSWORD, TOKEN, Pattern

# A value in quotes (also escaped ones), or a bare word; a bare word is taken whole (possessive), so that
# what follows it can be judged: a call, an index, a member.
_VALUE = (
    r"(?P<q>\\{0,3}[\"'`])?(?P<s>(?(q)(?:(?!(?P=q))[^\r\n\x00]){3,400}|[^\s\"'`<>,;(){}\[\]\\|\x00]{4,400}+))"
    r"(?(q)(?P=q))"
)
# From the name of a setting to its value, in code, configuration, markup and shell.
_IS = (
    r"(?:[\"'`\])\\]{0,4}[ \t]{0,24}(?:(?:string|str|char)\b[ \t]{0,4})?"
    r"(?:[:?.+|]{0,3}=[>=]{0,2}|%3[Dd]|:|->|,(?=[ \t]{0,8}[\"'`\\]))[ \t]{0,24}(?:[@$brufBRUF](?=[\"']))?|[\"']?>\s{0,40}"
    r"|[\"'],?\s{1,40}[\"']?(?:value|default)[\"']?[ \t]{0,4}[:=][ \t]{0,8}"
    r"|\n?[ \t]{0,40}(?:value|default)[\"']?[ \t]{0,4}[:=][ \t]{0,8})"
)
_WORD = r"[\w.\-]{0,32}"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "url-password",
        "password in a URL",
        PASSWORD,
        ("://",),
        r"://(?P<u>[^\s:@/\"'`<>?#()\[\],;|\\]{0,120}):(?P<s>[^\s\"'`<>/\\]{1,200}(?:/[^\s\"'`<>/@\\:]{1,60})?)@[\w.\-\[%${]",
        0,
        420,
        check="url-password",
        source="RFC 3986 section 3.2.1",
        examples=(
            "postgres://app:{b62:14}@db.example.org/app", "mongodb+srv://u:{b62:12}@c0.mongodb.net/x", "rest:https://u:{b62:16}@backup.example.org/",
            "redis://:{b62:20}@cache.example.org:6379/0", "https://oauth2:{b62:20}@git.example.org/a/b.git", "amqp://u:{b62:9}@mq.example.org",
        ),
        harmless=(
            "postgres://user:password@localhost/db", "https://$USER:$PASSWORD@example.org/", "http://user:{{ password }}@host/",
            "https://example.org:8080/a@b", "redis://user:xxxxxxxxxxxx@host:6379", "git+ssh://git@example.org:22/x", "http://u:***@h/",
        ),
    ),
    Pattern(
        "url-token",
        "token as the user of a URL",
        TOKEN,
        ("://",),
        r"://(?P<s>[A-Za-z0-9_-]{30,100})(?::(?:x-oauth-basic)?)?@[\w-]{1,60}\.[\w.-]{1,60}",
        0,
        240,
        check="random",
        source="RFC 3986 section 3.2.1",
        examples=("https://{b62:40}@git.example.org/x.git",),
        harmless=("https://a-long-user-name-without-any-secret-in-it@example.org/",),
    ),
    Pattern(
        "jdbc-password",
        "password in a connection string",
        PASSWORD,
        ("password=", "pwd=", "password =", "pwd ="),
        r"(?i:password|pwd)\s?=\s?(?P<s>[^;\"'<>\s&{}()]{3,120})(?=\s{0,4};|&|\"|'|\.\.\.|$)",
        0,
        160,
        check="connection-string",
        source="https://learn.microsoft.com/en-us/sql/connect/jdbc/building-the-connection-url",
        examples=("jdbc:sqlserver://h:1433;user=sa;password={b62:12};", "Server=a;Database=b;User Id=c;Pwd={b62:12};"),
        harmless=("Server=a;Database=b;Uid={u};Pwd={password};", "Server=a;User Id=b;Password=%DB_PASSWORD%;"),
    ),
    Pattern(
        "jwt",
        "JSON Web Token",
        TOKEN,
        ("eyj", "ewog"),
        r"(?<![A-Za-z0-9_+/-])e(?:yJ|wog|yA)[A-Za-z0-9_-]{10,2000}={0,2}\.(?:e[yw][A-Za-z0-9_/-]{8,4000}={0,2}\.[A-Za-z0-9_/+-]{10,1200}={0,2}"
        r"|[A-Za-z0-9_-]{0,1000}\.[A-Za-z0-9_-]{10,40}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,30})",
        0,
        9000,
        check="jwt",
        source="RFC 7519",
        examples=("Bearer {jwt:1}",),
        harmless=("eyJAAAA.eyJBBB", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
    ),
    Pattern(
        "jwt-base64",
        "JSON Web Token in base64",
        TOKEN,
        ("zxlk", "zxdv"),
        r"(?<![A-Za-z0-9+/])ZX(?:lK|dv)[A-Za-z0-9+/]{40,8000}={0,2}",
        0,
        8100,
        check="jwt-base64",
        source="RFC 7519",
        examples=("{jwtb64:1}",),
    ),
    Pattern(
        "authorization-header",
        "credential in an authorization header",
        TOKEN,
        ("authorization", "x-api-key", "x-auth-token", "private-token", "api-key:", "apikey:", "token:", "-h "),
        r"(?i:(?:proxy-)?authorization|x-[\w-]{0,20}(?:key|token)|private-token|-h\s{1,3}[\"'][\w-]{0,20}(?:key|token)|(?:api-?key|token)(?=:))"
        r"(?:\\?[\"'])?\s{0,4}[:=,]\s{0,4}\\?[\"'`]?(?:(?i:bearer|basic|token|bot|apikey|key|digest|ssws|splunk|negotiate)[ =:]{1,2})?"
        r"(?P<s>[A-Za-z0-9_.~+/=:-]{8,2000})(?![A-Za-z0-9({\[])",
        0,
        2100,
        check="header",
        source="RFC 9110 section 11.6.2; RFC 6750; RFC 7617",
        examples=("Authorization: Bearer {b62:40}", "Authorization: Basic {basic:1}", "X-API-Key: {hex:32}", '-H "Token: {hex:16}"'),
        harmless=("Authorization: Bearer $TOKEN", "Authorization: Bearer <token>", "Authorization: Token **********", "authorization: required-authorization"),
    ),
    Pattern(
        "curl-user",
        "password on a curl command line",
        PASSWORD,
        ("curl", "--user"),
        r"(?:\bcurl\b[^\n|;]{0,300}?(?:\\\r?\n[^\n|;]{0,200}?){0,6}?\s(?:-u|--user|-U|--proxy-user)|--user)(?:\s{0,4}=?\s{0,4})"
        r"[\"']{0,2}(?P<u>[^\s:\"'$]{1,100})[\"']?:[\"']?(?P<s>[^\s\"'$@<][^\s\"']{1,200})",
        0,
        1400,
        check="curl-user",
        source="https://curl.se/docs/manpage.html#-u",
        examples=('curl -s --user "j.smith:{b62:16}" https://example.org', "curl https://example.org -u admin:{b62:10}"),
        harmless=("curl -u username:token", 'curl -u "${u}":"${p}"', "curl --user $U:$P x", "curl -u user:password https://x"),
    ),
    Pattern(
        "command-line-password",
        "password or token on a command line",
        PASSWORD,
        ("--pass", "--token", "--secret", "--api-key", "--apikey", "--auth", "-password", "sshpass", "--access-token"),
        r"(?:--?(?:[a-z]{1,16}-){0,3}(?i:pass|password|passwd|passphrase|token|secret|api-?key|auth-?key|authkey)(?:[= ]|\s{1,4}\\?\s{0,4})|sshpass\s{1,4}-p\s{0,2})"
        r"(?P<q>[\"'])?(?P<s>(?(q)[^\"'\n]{4,200}|[^\s\"'`<>(){}\[\]|;,]{4,400}+))(?(q)(?P=q))",
        0,
        480,
        check="command-line",
        source="the manual pages of the programs",
        examples=("mysql --password={b62:14} db", "tailscale up --authkey {b62:30}", "sshpass -p {b62:12} ssh x", 'vault login --token "{b62:30}"'),
        harmless=("--password-file /run/secrets/x", "--token <token>", "--password=$PASSWORD", "--secret-name foo", "use --password to set the password"),
    ),
    Pattern(
        "shadow-line",
        "line of a shadow or htpasswd file",
        PASSWORD,
        (":{sha}", ":{ssha}", ":{pbkdf2"),
        r":(?:\{SHA\}[A-Za-z0-9+/]{27}=|\{SSHA(?:256|512)?\}[A-Za-z0-9+/]{32,120}={0,2}|\{PBKDF2[\w-]{0,12}\}[\w$./+=-]{30,200})",
        0,
        240,
        confidence="possible",
        source="https://httpd.apache.org/docs/current/misc/password_encryptions.html",
        examples=("admin:{SHA}{b64:27}=", "admin:{SSHA}{b64:38}=="),
    ),
    Pattern(
        "generic-password",
        "password",
        PASSWORD,
        ("pass", "pwd", "pswd", "paswrd", "psw", "pw:", "pw=", "pw =", 'pw"', "pw'", "credential", "passphrase"),
        rf"(?i:pass|pwd|pswd|paswrd|psw|pw(?![A-Za-z])|credential){_WORD}(?: for \w{{1,20}})?{_IS}{_VALUE}",
        0,
        520,
        check="generic-password",
        source="settings with a name of this kind",
        examples=(
            'password = "{b62:14}"', "DB_PASSWORD={b62:16}", "db_pass: {b62:12}", "'password' => '{b62:12}'", '"passwd": "{b62:12}"',
            "<password>{b62:12}</password>", "PWD:={b62:16}", "define( 'PASSWORD' , '{b62:20}' );", "- name: DB_PASSWORD\n  value: {b62:16}",
            '{"config": "DB_PASSWORD={b62:14}\\nX=1"}', "redis_passphrase ?= {b62:24}",
        ),
        harmless=(
            "password = getpass()", "password: str = Field(...)", "passwordFile = config.sops.secrets.x.path;", "password = os.environ['PW']",
            'password = "{{ vault_password }}"', "password: ${DB_PASSWORD}", "password = self.password", "password: <password>",
            "PASSWORD_HASHERS: django.contrib.auth.hashers", "password: ENC[AES256_GCM,data:abc,iv:abc,tag:abc,type:str]", "passed: 12345678",
            'password = "changeme"', "bypass: production-2024", "$password = $_POST['password'];",
        ),
    ),
    Pattern(
        "generic-secret",
        "secret or token",
        TOKEN,
        ("secret", "token", "api_key", "apikey", "api-key", "api key", "access_key", "accesskey", "access-key", "auth_key", "authkey",
         "auth-key", "private_key", "privatekey", "private-key", "encryption_key", "encryptionkey", "signing_key", "license_key", "licensekey",
         "master_key", "masterkey", "client_key", "account_key", "accountkey", "storage_key", "shared_key", "app_key", "appkey", "application_key",
         "consumer_key", "oauth", "_auth", "jwt", "bearer", "salt", "_pat", "cookie", "session_id", "sessionid", "webhook", "signature_key"),
        rf"(?i:secret(?:[ _-]?(?:access[ _-]?)?key)?|token|(?:api|access|auth|private|encryption|signing|license|master|client|account|storage|shared|app|application|consumer|signature)[_ -]?key"
        rf"|oauth|_auth|jwt|bearer|salt|_pat|cookie|session_?id|webhook){_WORD}{_IS}{_VALUE}",
        0,
        560,
        check="generic-secret",
        source="settings with a name of this kind",
        examples=(
            'secret = "{b62:32}"', "API_KEY={hex:32}", '"token": "{b62:40}"', "api-key: {b64u:43}", "<apiToken>\n    {b62:32}\n</apiToken>",
            'System.setProperty("X_TOKEN", "{b62:32}")', "token :::= `{hex:40}`", "x_TOKEN ?= {b62:30}", "$token .= \"{b62:30}\"",
            'var fooToken string = "{b62:32}"', "DUCKDNS_TOKEN={uuid}", "ZEROTIER_TOKEN={b62:32}", "PUSHOVER_TOKEN={low36:30}",
            "TWILIO_AUTH_TOKEN={hex:32}", "COHERE_API_KEY={b62:40}", '{"f.ini": "X_TOKEN={b62:32}\\nB=true"}', "BW_SESSION_TOKEN={b64:86}==",
        ),
        harmless=(
            "token = tokens.next()", "secretName: database-credentials", "api_key: ${{ secrets.API_KEY }}", "token_url = 'https://example.org/oauth/token'",
            "secretKeyRef:\n  name: foo-secret-thing", "publicToken = \"{b62:43}\"", "SECRET_KEY_FILE=/run/secrets/secret_key_file",
            "<UserSecretsId>{uuid}</UserSecretsId>", "token: tokenize_the_whole_document", 'tokens = ["identifier", "number"]',
            "access_token_url='https://github.com/login/oauth/access_token',", "api_version: rc0.13.0_20230412_0712-SNAPSHOT",
        ),
    ),
    Pattern(
        "generic-key",
        "key",
        TOKEN,
        ("_key", "key\"", "key'", "key:", "key=", "key =", "_pin", "passkey"),
        rf"(?i:_?key){_IS}{_VALUE}",
        0,
        520,
        check="generic-key",
        confidence="possible",
        source="settings with a name of this kind",
        examples=("DD_KEY={hex:32}", 'key: "{b62:40}"'),
        harmless=('key: "{hex:64}  other"', 'key = "some.translation.key.of.the.page"', "cache_key: {hex:64}-deps", "public_key: {b64:43}="),
    ),
)
