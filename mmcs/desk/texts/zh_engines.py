"""What models, their weights and their servers say, in Chinese; see ``zh_sentences``."""

from __future__ import annotations

Pair = tuple[str, str]  # the English with {holes}, and the Chinese with the same

MODELS: tuple[Pair, ...] = (
    ("The GPU has no memory left to listen with.", "显卡内存不足，无法听写。"),
    (
        "The embedded language model writes this draft instead.",
        "这份草稿改由内置的语言模型撰写。",
    ),
    (
        "The language model is still loading; the draft is made of the articles' own sentences.",
        "语言模型还在加载；草稿由帮助文章的原句组成。",
    ),
    (
        "Others were waiting for the language model; the draft is made of the articles' own "
        "sentences. Press Draft again for the model's.",
        "还有其他人在等语言模型；草稿由帮助文章的原句组成。再按一次“起草回复”，即可得到模型的草稿。",
    ),
    ("The {role} is switched off.", "{role}已关闭。"),
    (
        "There is no {role} called {name}; there is {names}.",
        "没有名为 {name} 的{role}引擎；可用的有：{names}。",
    ),
    (
        "The {role} {name} needs the package {package}, which is not installed.",
        "{role}引擎 {name} 需要 {package} 包，但没有安装。",
    ),
    (
        "The image model {model} could not be loaded; "
        "run {command} to see whether its file is damaged.",
        "图像模型 {model} 无法加载；请运行 {command}，检查文件是否损坏。",
    ),
    (
        "{name} holds no trained triage; make it with {command}.",
        "{name} 里没有训练好的分流模型；请用 {command} 训练。",
    ),
    (
        "The embedding model {model} could not be loaded; run {command} to see which file is "
        "damaged.",
        "检索模型 {model} 无法加载；请运行 {command}，查看哪个文件损坏。",
    ),
    (
        "The reader {model} could not be loaded; run {command} to see which file is damaged.",
        "判读模型 {model} 无法加载；请运行 {command}，查看哪个文件损坏。",
    ),
    (
        "{model} could not be loaded as a cross-encoder.",
        "{model} 无法作为交叉编码器加载。",
    ),
    (
        "The text reader's model {name} is not in the installed package rapidocr; "
        "install the version that requirements.txt names.",
        "文字识别模型 {name} 不在已安装的 rapidocr 里；请安装 requirements.txt 指定的版本。",
    ),
    (
        "Whisper has no size {name}; it has {names}.",
        "Whisper 没有 {name} 规格；可用的有：{names}。",
    ),
    (
        "Whisper {name} is not in the cache and may not be downloaded.",
        "Whisper {name} 不在缓存里，也不允许下载。",
    ),
    ("Whisper {name} cannot be loaded: {reason}", "Whisper {name} 无法加载：{reason}"),
    ("Whisper {name} cannot be downloaded: {reason}", "Whisper {name} 无法下载：{reason}"),
    (
        "{name} has format {number} of CTranslate2, not {other}.",
        "{name} 是 CTranslate2 第 {number} 版格式，应为第 {other} 版。",
    ),
    (
        "There is no language model {name}; MMCS_CHAT_MODEL may be {names}, the path of a GGUF "
        "file, or owner/repo:file.gguf of the model hub.",
        "没有语言模型 {name}；MMCS_CHAT_MODEL 可以是 {names}、GGUF 文件的路径，"
        "或模型库里的 owner/repo:file.gguf。",
    ),
    (
        "There is no adapter at {name}; MMCS_CHAT_ADAPTER must be the path of a GGUF file that "
        "`python -m mmcs train drafter` has made, or empty.",
        "{name} 处没有适配器；MMCS_CHAT_ADAPTER 应为 `python -m mmcs train drafter` 生成的 "
        "GGUF 文件的路径，或留空。",
    ),
    (
        "The adapter {name} cannot be laid over the language model {model}: it was made for "
        "another model, or one of the two files is damaged.",
        "适配器 {name} 无法用于语言模型 {model}：它是为别的模型训练的，或其中一个文件已损坏。",
    ),
    (
        "The language model {name} cannot be loaded: the file is damaged, of a kind that llama.cpp "
        "does not know, or too large for this machine's memory.",
        "语言模型 {name} 无法加载：文件已损坏、llama.cpp 不支持这种格式，或内存不够。",
    ),
    (
        "The ticket is too long for {model}: {count} tokens, and {most} fit. Shorten it.",
        "工单太长，{model} 放不下：共 {count} 个词元，最多 {most} 个。请缩短。",
    ),
    ("The ticket is too long for {model}. Shorten it.", "工单太长，{model} 放不下。请缩短。"),
    ("{model} could not go on with this conversation.", "{model} 无法继续这段对话。"),
    ("{model} cannot take this conversation.", "{model} 无法处理这段对话。"),
    ("{model} cannot take this text as text.", "{model} 无法把这段内容当作普通文字处理。"),
    ("The chat template of {model} leaves out a message.", "{model} 的对话模板漏掉了一条消息。"),
)

MULTIMODAL: tuple[Pair, ...] = (
    (
        "{count} drafts wait for {model} already; try again in a minute.",
        "已有 {count} 份草稿在等待 {model}；请一分钟后再试。",
    ),
    (
        "{model} did not finish the draft within {seconds} seconds.",
        "{model} 没有在 {seconds} 秒内写完草稿。",
    ),
    ("{model} stopped working.", "{model} 停止了工作。"),
    (
        "There is not enough memory for {model} to write this draft.",
        "内存不足，{model} 无法撰写这份草稿。",
    ),
    ("There is not enough memory for {model}.", "内存不足，装不下 {model}。"),
    (
        "There is no model {model}; MMCS_MODEL may be a folder, or owner/name of the hub.",
        "没有模型 {model}；MMCS_MODEL 可以是文件夹，或模型库的 owner/name。",
    ),
    (
        "The folder {folder} holds no model: config.json is missing.",
        "文件夹 {folder} 里没有模型：缺少 config.json。",
    ),
    (
        "{model} is incomplete: it lacks {files}. Only safetensors are loaded.",
        "{model} 不完整：缺少 {files}。只加载 safetensors 文件。",
    ),
    ("There is no model {model} on the hub.", "模型库里没有 {model}。"),
    (
        "{model} cannot be downloaded: the hub has no such model, asks for consent to its licence "
        "first, or broke off.",
        "{model} 无法下载：模型库里没有它，或要先同意许可，或下载中断。",
    ),
    ("{model} is not in the cache, and {reasons}.", "缓存里没有 {model}，而且{reasons}。"),
    (
        "{model} is not in the cache and may not be downloaded.",
        "缓存里没有 {model}，也不允许下载。",
    ),
    (
        "{model} does not fit on the GPUs, also when it is spread over them.",
        "{model} 分摊到所有显卡上也放不下。",
    ),
    (
        "{model} cannot be loaded: some of its weights are missing.",
        "{model} 无法加载：缺少部分权重。",
    ),
    (
        "{model} cannot be loaded: its files are damaged or incomplete.",
        "{model} 无法加载：文件损坏或不完整。",
    ),
    (
        "{model} is no model that reads images and text, or of a kind that is not known here.",
        "{model} 不是能读图片和文字的模型，或是这里不认识的类型。",
    ),
    ("{model} is of a kind that is not known here.", "{model} 是这里不认识的类型。"),
    (
        "{model} needs {needed} GB {place} in {precision}, and {free} GB are free{kept}.",
        "{model} 以 {precision} 加载需要 {needed} GB（{place}），可用 {free} GB{kept}。",
    ),
    (
        "MMCS_PRECISION is {value}; it may be {names}.",
        "MMCS_PRECISION 的值是 {value}；可以是 {names}。",
    ),
    (
        "{model} needs a CUDA GPU; a model named by MMCS_MODEL runs without one, slowly.",
        "{model} 需要 CUDA 显卡；用 MMCS_MODEL 指定的模型没有显卡也能运行，但很慢。",
    ),
    (
        "{model} has no chat template, so it cannot write drafts.",
        "{model} 没有对话模板，不能撰写草稿。",
    ),
    ("{model} cannot take these images.", "{model} 无法处理这些图片。"),
    (
        "The chat template of {model} does not take this conversation.",
        "{model} 的对话模板不接受这段对话。",
    ),
    (
        "ZeroGPU has no GPU free, or your time on it is used up.",
        "ZeroGPU 没有空闲的显卡，或您的使用时间已用完。",
    ),
)

SERVERS: tuple[Pair, ...] = (
    (
        "{where} cannot be reached; check that it runs and that MMCS_OPENAI_URL is its address.",
        "{where} 无法连接；请检查它是否在运行，以及 MMCS_OPENAI_URL 是否是它的地址。",
    ),
    ("{where} does not answer in time.", "{where} 没有及时响应。"),
    (
        "{where} was not done within {seconds} s.",
        "{where} 没有在 {seconds} 秒内完成。",
    ),
    ("{where} broke off in mid-draft.", "{where} 在撰写途中中断。"),
    (
        "{where} gives no answer that can be used; check MMCS_OPENAI_URL.",
        "{where} 的回应无法使用；请检查 MMCS_OPENAI_URL。",
    ),
    (
        "{where} has too much to do; try again in a moment.",
        "{where} 太忙；请稍后再试。",
    ),
    ("{where} has failed (HTTP {status}).", "{where} 出错（{status}）。"),
    (
        "{where} does not take the key; set MMCS_OPENAI_KEY.",
        "{where} 不接受密钥；请设置 MMCS_OPENAI_KEY。",
    ),
    (
        "{where} has no model {model} at this address; check MMCS_OPENAI_MODEL, "
        "and that MMCS_OPENAI_URL ends as the server wants it, mostly in /v1.",
        "{where} 在这个地址没有模型 {model}；请检查 MMCS_OPENAI_MODEL，"
        "以及 MMCS_OPENAI_URL 的结尾（多为 /v1）。",
    ),
    (
        "{where} refuses the request (HTTP {status}); check MMCS_OPENAI_URL and MMCS_OPENAI_MODEL.",
        "{where} 拒绝了请求（{status}）；请检查 MMCS_OPENAI_URL 和 MMCS_OPENAI_MODEL。",
    ),
    (
        "The model server {host} failed; it is asked again in {seconds} seconds.",
        "模型服务器 {host} 出错；{seconds} 秒后再试。",
    ),
    (
        "The model servers {hosts} failed; they are asked again in {seconds} seconds.",
        "模型服务器 {hosts} 都出错；{seconds} 秒后再试。",
    ),
    (
        "The model server {host} names no model; set MMCS_OPENAI_MODEL.",
        "模型服务器 {host} 没有列出模型；请设置 MMCS_OPENAI_MODEL。",
    ),
    ("{model} says nothing about the image.", "{model} 对这张图片没有说明。"),
    (
        "No model server is named; set MMCS_OPENAI_URL to its address, such as {example}.",
        "没有指定模型服务器；请把 MMCS_OPENAI_URL 设为它的地址，例如 {example}。",
    ),
    (
        "MMCS_OPENAI_URL holds something that is no address; write one like {example}, or several "
        "with commas between.",
        "MMCS_OPENAI_URL 里有不是地址的内容；请写成 {example} 的样子，多个地址用逗号隔开。",
    ),
    (
        "MMCS_OPENAI_URL may hold no password or question mark; a key belongs in MMCS_OPENAI_KEY.",
        "MMCS_OPENAI_URL 里不能有密码或问号；密钥请放在 MMCS_OPENAI_KEY 里。",
    ),
    (
        "MMCS_OPENAI_KEY holds a character that no key has; copy it again.",
        "MMCS_OPENAI_KEY 里有密钥不会有的字符；请重新复制。",
    ),
)

WEIGHTS: tuple[Pair, ...] = (
    (
        "There are no weights called {name}; there is {names}.",
        "没有名为 {name} 的权重；有：{names}。",
    ),
    (
        "The model hub's {path} has no {name}; it has {names}.",
        "模型库的 {path} 没有 {name}；有：{names}。",
    ),
    (
        "{model} is not in the cache and no model hub may be asked.",
        "{model} 不在缓存里，也不允许访问模型库。",
    ),
    ("{model} cannot be fetched: {reasons}.", "{model} 无法下载：{reasons}。"),
    (
        "The weights of {model} ({size}) are not in {folder} and cannot be fetched: {reasons}. "
        "Run {command} on a machine with network access, or set MMCS_CACHE to a folder that holds "
        "them.",
        "{model} 的权重（{size}）不在 {folder} 里，也无法下载：{reasons}。请在能联网的机器上运行 "
        "{command}，或把 MMCS_CACHE 设为存有权重的文件夹。",
    ),
    (
        "The weights of {model} {shortage}; free some space or set MMCS_CACHE to another disk.",
        "{model} 的权重{shortage}；请腾出空间，或把 MMCS_CACHE 设到别的磁盘。",
    ),
    (
        "The weights of {model} cannot be stored: the disk of {folder} is full; "
        "free some space or set MMCS_CACHE to another folder.",
        "{model} 的权重无法保存：{folder} 所在的磁盘已满；"
        "请腾出空间，或把 MMCS_CACHE 设为别的文件夹。",
    ),
    (
        "The weights of {model} cannot be stored: {folder} cannot be written ({reason}); "
        "make it writable or set MMCS_CACHE to another folder.",
        "{model} 的权重无法保存：{folder} 不可写（{reason}）；"
        "请改为可写，或把 MMCS_CACHE 设为别的文件夹。",
    ),
)
