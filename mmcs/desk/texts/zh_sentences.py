"""The sentences of the stages in simplified Chinese, each beside the English that it stands for."""

from __future__ import annotations

from collections.abc import Mapping

from mmcs.desk.texts.zh import ZH
from mmcs.desk.texts.zh_engines import MODELS, MULTIMODAL, SERVERS, WEIGHTS, Pair

_FILES: tuple[Pair, ...] = (
    (
        "{name} is neither a sound nor an image: send {sounds}, or {images}.",
        "{name} 既不是音频也不是图片：请上传 {sounds}，或 {images}。",
    ),
    (
        "{name} cannot be kept: {folder} cannot be written, or the disk is full.",
        "{name} 无法保存：{folder} 不可写，或磁盘已满。",
    ),
    (
        "{name} is not kept on this desk: attach it again.",
        "{name} 没有保存在这里：请重新添加。",
    ),
    (
        "{name} cannot be opened: check that it is there, then send it again.",
        "{name} 打不开：请确认文件还在，再重新上传。",
    ),
    (
        "{name} is not a file: send a sound or an image.",
        "{name} 不是文件：请上传音频或图片。",
    ),
    (
        "{name} is empty, 0 bytes long: send it again.",
        "{name} 是空文件（0 字节）：请重新上传。",
    ),
    (
        "{name} is larger than {most} MB: send it as MP3 or M4A, or in parts.",
        "{name} 超过 {most} MB：请转成 MP3 或 M4A，或分段上传。",
    ),
    (
        "{name} is larger than {most} MB: send a smaller copy of it.",
        "{name} 超过 {most} MB：请上传小一些的版本。",
    ),
    (
        "{name} is longer than {most} minutes: send it in parts.",
        "{name} 超过 {most} 分钟：请分段上传。",
    ),
    (
        "{name} has a side of over {most} pixels: send it in parts.",
        "{name} 有一边超过 {most} 像素：请分成几张上传。",
    ),
    (
        "{name} has more than {most} megapixels: send a smaller copy of it.",
        "{name} 超过 {most} 百万像素：请上传小一些的版本。",
    ),
    (
        "{name} has too many pixels for its format: save it as JPEG and send that.",
        "{name} 的像素对这种格式来说太多：请另存为 JPEG 再上传。",
    ),
    (
        "{name} has no sound in it: send a recording that has, as {formats}.",
        "{name} 里没有声音：请上传有声音的录音，格式为 {formats}。",
    ),
    (
        "{name} is a recording of 0 seconds: send it again, as {formats}.",
        "{name} 是 0 秒的录音：请重新上传，格式为 {formats}。",
    ),
    (
        "{name} takes too long to decode: save it anew and send that, as {formats}.",
        "{name} 解码太慢：请另存为 {formats} 再上传。",
    ),
    (
        "{name} cannot be decoded, because the decoder does not start: "
        "install requirements.txt again.",
        "{name} 无法解码，因为解码器启动不了：请重新安装 requirements.txt。",
    ),
    (
        "{name} is damaged or not {what}: send it again, as {formats}.",
        "{name} 已损坏，或不是{what}：请重新上传，格式为 {formats}。",
    ),
)

_TICKETS: tuple[Pair, ...] = (
    (
        "The examples of the domain decided; only a trained triage can say why.",
        "这是按示例判断的；只有经过训练的分类才能说明原因。",
    ),
    (
        "{question} was not decided by the trained net.",
        "{question}不是由训练好的网络判断的。",
    ),
    (
        "This desk has no net of its own to take back; it uses the shipped one.",
        "这里没有自己训练的网络可以撤回；用的是自带的网络。",
    ),
    (
        "There is nothing to answer yet: type a message, or add a voice note or a photo.",
        "还没有可回复的内容：请输入留言，或添加语音、照片。",
    ),
    (
        "The message has {count} characters and may have {most}: shorten it to what matters.",
        "留言有 {count} 个字符，最多 {most} 个：请精简到要点。",
    ),
    (
        "The message has {count} attachments and may have {most}: "
        "send the rest in a further message.",
        "留言有 {count} 个附件，最多 {most} 个：其余的请放到下一条留言。",
    ),
    ("Nobody is heard speaking in {name}.", "{name} 里没有听到有人说话。"),
    ("The database {name} cannot be opened.", "数据库 {name} 打不开。"),
    (
        "The database {name} needs the package {package}, which is not installed.",
        "数据库 {name} 需要 {package} 包，但没有安装。",
    ),
    (
        "MMCS_DATABASE cannot be understood: write it as postgresql://user:password@host/name, "
        "with %40 for an @ in the password.",
        "MMCS_DATABASE 无法识别：请写成 postgresql://user:password@host/name，"
        "密码里的 @ 写成 %40。",
    ),
    ("The database could not be read or written.", "数据库无法读写。"),
    ("The desk was stopped.", "工作台已停止。"),
    (
        "{most} tickets are being drafted or wait for it: try again when some are done.",
        "已有 {most} 个工单正在起草或等待起草：请等其中一些完成后再试。",
    ),
    (
        "The database is busy: another program holds it. Nothing was changed; try again in a "
        "moment.",
        "数据库正忙：另一个程序占用着它。没有任何改动，请稍后再试。",
    ),
    ("The ticket {name} was written by another version.", "工单 {name} 是由另一个版本写入的。"),
    ("This ticket is no longer there.", "这个工单已经不在了。"),
    (
        "{path} cannot be read; give a file with one JSON ticket a line.",
        "{path} 无法读取；请提供每行一个 JSON 工单的文件。",
    ),
    (
        "{path} is no text; give a file with one JSON ticket a line.",
        "{path} 不是文本；请提供每行一个 JSON 工单的文件。",
    ),
    (
        "{line} is not JSON; write one ticket a line.",
        "{line}不是 JSON；请每行写一个工单。",
    ),
    (
        "{line} is no JSON object; write one ticket a line.",
        "{line}不是 JSON 对象；请每行写一个工单。",
    ),
    ("{line}: {field} must be {must}.", "{line}：{field} 必须是{must}。"),
    (
        "Something failed here in a way that nobody foresaw, and the rest goes on: if it fails "
        "again, tell whoever runs the desk {failure}, under which the log says more.",
        "这里出了没有预料到的故障，其余部分照常进行：如果再次出现，请把编号 {failure} 告诉管理员，"
        "日志里有详情。",
    ),
    (
        "Nothing can be kept in {folder}, which cannot be written or is full: each ticket takes as "
        "long as the first. Free some space, or set MMCS_CACHE to another folder.",
        "{folder} 不可写或已满，结果无法保存：每个工单都和第一次一样慢。"
        "请腾出空间，或把 MMCS_CACHE 设为另一个文件夹。",
    ),
    (
        "The desk does not understand what it was sent: reload the page.",
        "无法识别页面发来的内容：请刷新页面。",
    ),
    (
        "The desk does not understand what it was sent: reload the page, or send a text, a list of "
        "sounds and a list of images.",
        "无法识别发来的内容：请刷新页面，或发送文本、音频列表和图片列表。",
    ),
    (
        "{name} cannot be shown: {folder} cannot be written, or the disk is full.",
        "{name} 无法显示：{folder} 不可写，或磁盘已满。",
    ),
)

_ARTICLES: tuple[Pair, ...] = (
    (
        "There is no folder {folder}; name a folder of Markdown articles.",
        "没有文件夹 {folder}；请指定存放 Markdown 文章的文件夹。",
    ),
    ("The folder {folder} cannot be read.", "文件夹 {folder} 无法读取。"),
    (
        "The folder {folder} holds no Markdown file (.md).",
        "文件夹 {folder} 里没有 Markdown 文件（.md）。",
    ),
    (
        "No Markdown file in {folder} holds text that could answer anything.",
        "{folder} 的 Markdown 文件里没有可用来回答的文字。",
    ),
    ("{name} was left out: it is longer than {most} MB.", "略过了 {name}：超过 {most} MB。"),
    ("{name} was left out: it is not UTF-8 text.", "略过了 {name}：不是 UTF-8 文本。"),
    ("{name} was left out: it cannot be read.", "略过了 {name}：无法读取。"),
    ("{name} was left out: it is empty.", "略过了 {name}：文件是空的。"),
    (
        "{name} was left out: it is a link to a file outside the folder.",
        "略过了 {name}：它是指向文件夹之外的链接。",
    ),
    (
        "A part of {name} was left out: “{order}” speaks to whoever drafts the reply. Edit the "
        "article.",
        "略过了 {name} 的一部分：“{order}”是对起草回复者说的话。请修改这篇文章。",
    ),
    (
        "The articles' index could not be kept in {folder}; each start builds it anew.",
        "文章索引无法保存到 {folder}；每次启动都要重建。",
    ),
    (
        "The numbers of the search in {name} cannot be read; install MMCS again.",
        "检索参数 {name} 无法读取；请重新安装 MMCS。",
    ),
)

_DRAFTS: tuple[Pair, ...] = (
    ("Being written.", "撰写中。"),
    ("No article answers this.", "没有文章能回答。"),
    ("The customer asks nothing more.", "顾客没有再提问。"),
    (
        "No article in the customer's language answers this; {name} may.",
        "顾客所用语言的文章都不能回答；{name} 或许可以。",
    ),
    ("Composed of sentences from {names}.", "由 {names} 中的句子组成。"),
    (
        "Written by {model} from {count} parts of the articles.",
        "由 {model} 根据文章中的 {count} 处内容撰写。",
    ),
    (
        "Written by {model} from {count} parts of the articles. {mended} of its sentences gave way "
        "to the articles' own.",
        "由 {model} 根据文章中的 {count} 处内容撰写，其中 {mended} 句换成了文章的原句。",
    ),
    ("The second that was written. {then}", "这是第二次撰写的。{then}"),
    ("All {count} sentences are supported. {then}", "{count} 句都有依据。{then}"),
    ("Not chosen: the model's draft passed. {then}", "未采用：模型的草稿通过了核对。{then}"),
    ("Not chosen: {fault}. {then}", "未采用：{fault}。{then}"),
)

SENTENCES: tuple[Pair, ...] = (
    *_FILES,
    *_TICKETS,
    *_ARTICLES,
    *MODELS,
    *MULTIMODAL,
    *SERVERS,
    *WEIGHTS,
    *_DRAFTS,
)

# What the engines of a triage are called.
ENGINES: tuple[Pair, ...] = (
    ("early fusion", "早期融合"),
    ("intermediate fusion", "中期融合"),
    ("late fusion", "晚期融合"),
    ("similarity to examples", "示例相似度"),
    ("{engine}; {questions} by {fallback}", "{engine}，{questions}由{fallback}"),
)

_FORMATS: tuple[Pair, ...] = (
    ("WAV, MP3, M4A, OGG, WebM, FLAC or AMR", "WAV、MP3、M4A、OGG、WebM、FLAC 或 AMR"),
    ("JPEG, PNG, WEBP, GIF, BMP or HEIC", "JPEG、PNG、WEBP、GIF、BMP 或 HEIC"),
)
REASONS = "reasons"  # a hole that may hold several, parted by "; "
# What may stand in a hole and is no name or number.
PARTS: Mapping[str, tuple[Pair, ...]] = {
    "sounds": _FORMATS,
    "images": _FORMATS,
    "formats": _FORMATS,
    "what": (
        ("a sound that can be played", "可播放的音频"),
        ("an image that can be read", "可读取的图片"),
    ),
    "line": (("Line {number} of {name}", "{name} 第 {number} 行"),),
    "must": (
        ("a text", "文本"),
        ("a text or a number", "文本或数字"),
        ("a list of paths", "路径列表"),
    ),
    "role": tuple(ZH.roles.items()),
    "place": (
        ("on the GPU", "显卡"),
        ("on {count} GPUs", "{count} 张显卡"),
        ("in memory", "内存"),
    ),
    "kept": ((" for it", "留给它"),),
    "where": (("The model server {host}", "模型服务器 {host}"),),
    "shortage": (
        (
            "need {size} MB in {folder} and only {free} MB are free",
            "在 {folder} 需要 {size} MB，只剩 {free} MB",
        ),
    ),
    "source": (
        ("installed package", "已安装的包"),
        ("hub", "模型库"),
        ("package index", "软件包索引"),
    ),
    REASONS: (
        ("MMCS_OFFLINE forbids fetching them", "MMCS_OFFLINE 不允许下载"),
        ("no source has them", "没有来源提供"),
        ("{name} from the {source} failed its SHA-256", "{source}的 {name} 没有通过 SHA-256 校验"),
        ("the archive {name} failed its SHA-256", "压缩包 {name} 没有通过 SHA-256 校验"),
        ("the archive {name} does not hold what it should", "压缩包 {name} 的内容不对"),
        ("the model hub does not answer", "模型库没有响应"),
        ("the model hub answered {status}", "模型库返回 {status}"),
        ("the model hub has no {path}", "模型库里没有 {path}"),
        ("the model hub has another file by that name", "模型库里的同名文件不一样"),
        ("the model hub sent too little", "模型库传来的内容不完整"),
        ("pip cannot download {package}", "pip 无法下载 {package}"),
        ("the package {package} does not hold what it should", "{package} 包的内容不对"),
        (
            "out of packages they need {size} MB in {folder} and only {free} MB are free",
            "从软件包下载在 {folder} 需要 {size} MB，只剩 {free} MB",
        ),
        ("the program was closed", "程序已关闭"),
    ),
    "fault": (
        ("no article answers this", "没有文章能回答"),
        ("it says nothing that an article supports", "其中没有文章支持的内容"),
        ("{count} of its {all} sentences rest on nothing", "{all} 句中有 {count} 句没有依据"),
        ("it tells the customer what the customer said", "只是重复了顾客的话"),
        ("it leaves out {count} of the articles' statements", "漏掉了文章中的 {count} 处内容"),
        ("it says that the articles don't answer", "模型认为文章没有回答"),
        ("it is not in the customer's language", "不是顾客所用的语言"),
    ),
    "then": _DRAFTS,
    "question": (("Category", "主题"), ("Urgency", "紧急程度"), ("Sentiment", "情绪")),
    "engine": ENGINES,
    "fallback": ENGINES,
    "questions": (
        ("urgency", "紧急程度"),
        ("sentiment", "情绪"),
        ("urgency and sentiment", "紧急程度和情绪"),
    ),
}
