"""Secrets of machine-learning services."""

from sopsguard.scan.patterns.pattern import TOKEN, Pattern, assigned

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "openai-key",
        "OpenAI API key",
        TOKEN,
        ("t3blbkfj",),
        r"(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|service|admin|None)-)?[A-Za-z0-9_-]{16,100}T3BlbkFJ[A-Za-z0-9_-]{16,100}(?![A-Za-z0-9_-])",
        112,
        112,
        source="https://platform.openai.com/docs/api-reference/authentication",
        examples=("sk-{b62:20}T3BlbkFJ{b62:20}", "sk-proj-{b64u:74}T3BlbkFJ{b62:74}", "sk-admin-{b62:58}T3BlbkFJ{b62:58}"),
    ),
    Pattern(
        "openai-style-key",
        "API key of OpenAI or a compatible service",
        TOKEN,
        ("sk-",),
        r"(?<![A-Za-z0-9_-])sk-(?:(?:proj|svcacct|service|admin|None|or-v1|lf|user)-)?[A-Za-z0-9_-]{24,220}(?![A-Za-z0-9_-])",
        0,
        256,
        check="prefixed",
        source="https://platform.openai.com/docs/api-reference/authentication",
        examples=("OPENAI_API_KEY=sk-{b62:48}", "sk-proj-{b62:48}", "sk-or-v1-{hex:64}", "DEEPSEEK_API_KEY=sk-{hex:32}", "sk-lf-{uuid}"),
        harmless=("OPENAI_API_KEY=sk-{rep:48}", "sk-your-openai-api-key-goes-here", "sk-fading-circle-of-death-animation"),
    ),
    Pattern(
        "anthropic-key",
        "Anthropic API key",
        TOKEN,
        ("sk-ant-",),
        r"(?<![A-Za-z0-9])sk-ant-(?:api\d\d|admin\d\d|sid\d\d|oat\d\d|ort\d\d)-[A-Za-z0-9_-]{40,120}(?![A-Za-z0-9_-])",
        0,
        150,
        check="prefixed",
        source="https://docs.claude.com/en/api/overview",
        examples=("sk-ant-api03-{b62:93}AA", "sk-ant-admin01-{b62:93}AA"),
        harmless=("sk-ant-api03-{rep:93}AA",),
    ),
    Pattern(
        "huggingface-token",
        "Hugging Face token",
        TOKEN,
        ("hf_", "api_org_"),
        r"(?<![A-Za-z0-9_])(?:hf_[A-Za-z0-9]{34}|api_org_[A-Za-z0-9]{34})(?![A-Za-z0-9_])",
        0,
        48,
        check="prefixed",
        source="https://huggingface.co/docs/hub/security-tokens",
        examples=("hf_{letters:34}", "api_org_{letters:34}"),
        harmless=("hf_{rep:34}",),
    ),
    Pattern(
        "ai-service-key",
        "API key of a machine-learning service",
        TOKEN,
        ("gsk_", "r8_", "pplx-", "xai-", "lsv2_", "pcsk_", "tvly-", "nvapi-", "tgp_v1_", "jina_", "esecret_", "csk-", "eleven", "fireworks", "voyage", "firecrawl"),
        r"(?<![A-Za-z0-9_-])(?:(?i:eleven|fireworks|voyage|firecrawl)[\w.-]{0,24}[\"'\s:=,>(?`]{1,12})?(?:gsk_[A-Za-z0-9]{52}|r8_[A-Za-z0-9]{37}|pplx-[A-Za-z0-9]{48,56}|xai-[A-Za-z0-9]{70,90}"
        r"|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|pcsk_[A-Za-z0-9]{5,8}_[A-Za-z0-9]{50,70}|tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}"
        r"|nvapi-[A-Za-z0-9_-]{60,70}|tgp_v1_[A-Za-z0-9_-]{43}|fw_[A-Za-z0-9]{24}|jina_[A-Za-z0-9]{60}|sk_[0-9a-f]{48}"
        r"|pa-[A-Za-z0-9_-]{43}|fc-[0-9a-f]{32}|esecret_[A-Za-z0-9]{28}|csk-[a-z0-9]{48})(?![A-Za-z0-9_-])",
        0,
        112,
        check="entropy",
        source="the services' documentation (Groq, Replicate, Perplexity, xAI, LangSmith, Pinecone, Tavily, NVIDIA, "
        "Together, Fireworks, Jina, ElevenLabs, Voyage, Firecrawl, Anyscale, Cerebras)",
        examples=(
            "gsk_{b62:52}", "r8_{b62:37}", "pplx-{b62:48}", "xai-{b62:80}", "lsv2_pt_{hex:32}_{hex:10}", "nvapi-{b62:64}",
            "tvly-{b62:32}", "ELEVENLABS_API_KEY=sk_{hex:48}", "pcsk_{b62:6}_{b62:62}",
        ),
    ),
    Pattern(
        "azure-openai-key",
        "Azure OpenAI key beside its endpoint",
        TOKEN,
        (".openai.azure.com", ".cognitiveservices.azure.com"),
        r"(?i:key|token|secret)[\w.\-]{0,12}[\"']?\s{0,4}[:=,]{1,2}\s{0,4}[\"']?(?P<s>[0-9a-f]{32})(?![0-9a-zA-Z])",
        300,
        320,
        source="https://learn.microsoft.com/en-us/azure/ai-services/openai/reference",
        examples=('apiKey: "{hex:32}",\n baseURL: "https://a.openai.azure.com/openai"', 'https://a.openai.azure.com/"\nkey = "{hex:32}"'),
    ),
)
