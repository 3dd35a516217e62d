"""Deeds in Chinese: by 已, 了 or 正在 in a part of a sentence, and by who acts in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmcs.draft.deeds.deed import Agent, Deed

_ZH_THING = (
    r"(?:退款|退货|换货|补发|订单|包裹|快递|款项|钱|赔偿|补偿|优惠券|账户|账号|预约|预订|工单|申请"
    r"|发票|运费|押金|费用|货|商品|新机|替换件|维修|面单|地址|金额|费)"
)
_ZH_SPLIT = re.compile(r"[，。；！？,;!?：:\n（）()|]|\s-\s")
_ZH_IF = re.compile(
    r"如果|若(?!干)|^如(?!下|此|何|上|同)|一旦|要是|假如|假设|倘若|万一|只要|除非|无论|不论|是否"
    r"|^当(?!天|日|前|地|面)|(?<![今此然先])后(?:$|才|再|即|会|可|方|将|\d)|之后|以后|时候|(?<![及同小准])时(?:$|[会请可])"
    r"|的话|之前|以前|(?<![提目])前$|直到|每次|每当|表示|意味|说明|显示|状态|等[^，]{0,12}再"
)
_ZH_UNSAID = re.compile(
    r"请|确保|确认|检查(?!过)|务必|须|需|建议|可以|可能|应该|应当|[会将能就]|[不没](?!错)"
)
_ZH_ASPECT = (
    r"(?:(?P<done>已经?(?!知|婚|成|故|备|满|有)|刚刚|刚才|正在)"
    r"|(?<=[\u4e00-\u9fff])(?P<le>(?<![为除极罢])了(?!解|如|结|不起|吗|呢|吧|却|然|得))"
    r"|(?P<end>(?:成功|完毕|完成|在途中?|途中|运输中|派送中|处理中|在路上)$))"
)
_ZH_DONE = re.compile(_ZH_ASPECT)
_ZH_WHO = re.compile(
    r"(?P<shop>我们?(?![^，]{0,3}(?:了解|看到|理解|明白|注意|知道))|本店|客服|同事|工程师|师傅"
    r"|[为给帮替向][您你]|[转打退汇寄发]到[您你])|(?P<customer>[您你](?!的|们的))"
)
_ZH_YOURS = re.compile(r"[您你]的.*[好完成]了")
_ZH_FRAME = re.compile(
    r"我们?(?:了解|看到|理解|明白|注意到|知道)|感谢|谢谢|(?:很|非常|十分)?抱歉|对不起|[您你](?:说|提到|反映|表示|写道|告诉|描述)"
)
# 已拆封的商品, 已经付款的: of a kind of thing, and what asks within a sentence.
_ZH_KIND = re.compile(
    r"(?<!是)(?:已经?[^，。的您你我]{1,10}|[\u4e00-\u9fff]{1,6}[了过])的(?=[\u4e00-\u9fff]|$)"
    r"|[\u4e00-\u9fff]{0,6}[了过](?:多少|什么|哪|几)[\u4e00-\u9fff]*"
)


def deeds(text: str) -> Iterator[Deed]:
    """Yield what a Chinese sentence says was done."""
    framed = bool(_ZH_FRAME.match(text))
    acting: Agent = "other"  # who acts is said once: 我们查过了，已经寄出
    parts = [piece.strip().lstrip("-*# ") for piece in _ZH_SPLIT.split(text)]
    parts = [part for part in parts if part]
    for number, part in enumerate(parts):
        plain = _ZH_KIND.sub("的", part)
        if named := _ZH_WHO.match(plain):
            acting = "shop" if named["shop"] else "customer"
        done = _ZH_DONE.search(plain)
        if done and not _ZH_IF.search(plain) and not _ZH_UNSAID.search(plain[: done.start()]):
            yield _chinese_deed(
                plain, done, "customer" if framed else acting, number + 1 == len(parts)
            )


def _chinese_deed(part: str, done: re.Match[str], acting: Agent, last: bool) -> Deed:
    """Return who a part of a sentence says has done something.

    了 alone may also tell how things are (滤网堵了), and what others follow on may be a condition:
    包裹找到了，告诉我们一声就行.

    Args:
        part: of the sentence.
        done: what says that something was done.
        acting: who was named before; the customer in a sentence that tells what they said.
        last: whether nothing follows.
    """
    who = next((w for w in _ZH_WHO.finditer(part) if w["shop"] or w.end() <= done.start()), None)
    thing = bool(re.search(_ZH_THING, part[: done.start()] or part))
    if who and who["shop"]:
        return Deed("shop")
    agent: Agent = "customer" if who else acting
    if agent == "other" and (thing or not done.start()):
        agent = "shop"
    return Deed(
        agent,
        sure=last and not done["le"] and agent != "other",
        personal=bool(who) or thing or not done.start() or bool(_ZH_YOURS.search(part)),
    )
