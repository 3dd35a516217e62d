"""Chinese words that mean the same to a shop's customer: a customer writes 快递, a help page 包裹.

The embedded model of meaning knows English only (there a list like this gained nothing), so that
Chinese words must match. The first word of a line stands for the others, in questions and in
articles alike.
"""

from __future__ import annotations

import re

_GROUPS = """
包裹 快递 快件
运费 邮费 快递费 配送费 送货费
丢件 弄丢 丢失 丢了 寄丢 遗失 搞丢
没有更新 没动静 没有动静 没有动 没更新 不更新 停住不动
物流单号 快递单号 运单号 追踪号 跟踪号
送达 签收 妥投
退款 退钱 返款
退货 退回去 寄回去 退掉
下单 拍下 下的单
缺货 卖完了 卖光 没货 断货 售罄 无货
到货 有货 补货
漏发 少发 缺件 少件 漏了 少寄
发错 寄错 送错
破损 碎了 裂了 压瘪 摔坏 压坏 变形 损坏 砸坏
发票 单据 票据
抬头 公司名称 单位名称
忘记密码 密码忘了 忘了密码 密码忘记
锁定 锁住 被锁 锁了
注销 删号 删除账号 销户 删除账户
账号 账户 帐号 帐户
分期 分月付 分月还
降价 便宜了 跌价 掉价
价格保护 补差价 保价 退差价 价保
重复扣款 扣了两笔 扣了两次 扣两次 扣两笔 多扣 扣款两次
优惠码 优惠券 折扣码 促销码 打折码
礼品卡 购物卡 礼物卡
保修 质保 保不保 三包 包修
维修 修理 检修
诈骗 骗子 假冒 骗人 被骗
付款 支付 付钱 付账 刷卡
失败 付不过去 付不了 被拒 拒付 不成功
修改 更改 改成 改掉 更换成 换成
取消 撤销 退订 撤单
配送 送货 派送 派件
送货上楼 搬上楼 抬上楼
加急 加快 急送
音箱 音响 喇叭
扫地机 扫地机器人 机器人
净化器 空气净化器
滤网 滤芯 过滤网
充电座 充电桩 充电底座 基站 底座
除垢 除水垢 去垢 去水垢
遥控器 遥控
没有声音 没声音 无声 不响 听不到 没声
没有画面 没画面 黑屏 无画面
连不上 连接不上 无法连接 连接不了 配对不了 连不了 配不上
卡住 卡死 卡着
不充电 充不进 充不上 充不了
续航 用不久 掉电快 没电快 不耐用
电池 电瓶
很慢 特别慢 太慢 好慢 网速慢
多久 多长时间 几天 要等几天
手机号 电话号码 手机号码
邮箱 电子邮件 电邮 邮件
客服 人工
"""

_LEADERS = {
    word: line.split()[0]
    for line in _GROUPS.strip().splitlines()
    for word in sorted(line.split()[1:], key=len, reverse=True)
}
_VARIANTS = re.compile("|".join(sorted(_LEADERS, key=len, reverse=True)))


def with_common_words(text: str) -> str:
    """Return a text in which each of these words is the first of its group."""
    return _VARIANTS.sub(lambda match: _LEADERS[match[0]], text)
