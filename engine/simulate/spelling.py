"""Other ways to write the characters, numerals and words of a simulated name or address. Small tables of our own."""

from __future__ import annotations

from random import Random

from engine.simulate.words import GIVEN, SURNAMES

_SOUNDS = (
    "伟玮炜苇",
    "芳方坊",
    "静敬婧",
    "丽莉俐",
    "杰捷洁",
    "涛韬滔",
    "明铭鸣",
    "平萍苹",
    "英瑛莹",
    "华桦",
    "玉钰裕",
    "红宏虹",
    "志智",
    "云芸",
    "晨辰宸",
    "宇雨羽",
    "浩皓昊",
    "子梓紫",
    "欣新鑫昕",
    "嘉佳家",
    "文雯闻",
    "俊峻骏",
    "燕雁艳",
    "晓筱小",
    "琳林霖",
    "曦希熙",
    "张章",
    "吴伍武",
    "余于俞",
    "肖萧",
    "付傅",
    "江姜",
    "山杉",
    "东冬",
    "学雪",
    "民敏",
    "滨宾",
    "凰皇",
    "绣秀",
    "阳杨",
    "苑院",
    "园源",
    "湾弯",
    "花华",
    "城成",
    "福芙",
    "街接",
)
_LIKE = {char: group for group in _SOUNDS for char in group}

_TRADITIONAL = str.maketrans(
    "丽陈刘张杨黄赵吴孙马罗郑谢许韩邓萧叶苏吕卢钟谭范贾韦邹闫龙贺顾龚万静强军伟艳杰涛华兰国红鹏飞云轩远宁凯莹东晓汉广"
    "区号楼单门园长滨阳学锦绣凤宝湖团结兴岛陕辽庆厦桥银际乐书第荣书观馆荣栋",
    "麗陳劉張楊黃趙吳孫馬羅鄭謝許韓鄧蕭葉蘇呂盧鍾譚範賈韋鄒閆龍賀顧龔萬靜強軍偉艷傑濤華蘭國紅鵬飛雲軒遠寧凱瑩東曉漢廣"
    "區號樓單門園長濱陽學錦繡鳳寶湖團結興島陝遼慶廈橋銀際樂書第榮書觀館榮棟",
)

_SURNAMES_READ = """
Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo Zheng Liang Xie Song Tang Xu
Han Deng Feng Cao Peng Zeng Xiao Tian Dong Pan Yuan Cai Jiang Yu Yu Du Ye Cheng Wei Su Lü Ding Ren Lu Yao Shen
Zhong Jiang Cui Tan Lu Fan Wang Liao Shi Jin Wei Jia Xia Fu Fang Zou Xiong Bai Meng Qin Qiu Hou Jiang Yin Xue
Yan Duan Lei Long Li Shi Tao He Mao Hao Gu Gong Shao Wan
"""
_GIVEN_READ = """
wei fang na min jing li qiang lei jun yang yong yan jie juan tao ming chao xiu xia ping gang gui ying hua yu lan
jian guo hong mei zhi peng yun fei chen yu hao ran zi xuan xin yi yu tong si yuan jia ning wen bo jia qi jun kai
xue ying hai yan zhen dong xiao lin tian you ruo xi
"""
_PINYIN = dict(zip(SURNAMES + GIVEN, _SURNAMES_READ.split() + _GIVEN_READ.split(), strict=True))
"""Character of a name → how it is read, in the order of the world's names."""
_COMPOUND = {"欧阳": "Ouyang", "上官": "Shangguan", "司马": "Sima", "诸葛": "Zhuge", "皇甫": "Huangfu"}

NICKNAMES = {
    "Robert": "Bob",
    "William": "Bill",
    "James": "Jim",
    "Michael": "Mike",
    "Thomas": "Tom",
    "Daniel": "Dan",
    "Christopher": "Chris",
    "Matthew": "Matt",
    "Anthony": "Tony",
    "Steven": "Steve",
    "Elizabeth": "Liz",
    "Katherine": "Kate",
    "Jennifer": "Jen",
    "Margaret": "Peggy",
    "Patricia": "Pat",
    "Rebecca": "Becky",
    "Samantha": "Sam",
    "Victoria": "Vicky",
}
ABBREVIATIONS = {
    "Ave": "Avenue",
    "St": "Street",
    "Dr": "Drive",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "N": "North",
    "W": "West",
}
"""Word of a street → the same written out."""

_DIGITS = "零一二三四五六七八九"


def like_sounding(text: str, rng: Random) -> str:
    """One character replaced by another of the same sound; the text as it is where the tables have none."""
    places = [n for n, char in enumerate(text) if char in _LIKE]
    if not places:
        return text
    at = places[int(rng.random() * len(places))]
    others = _LIKE[text[at]].replace(text[at], "")
    return text[:at] + others[int(rng.random() * len(others))] + text[at + 1 :]


def traditional(text: str) -> str:
    """In traditional characters, as far as the world's words go."""
    return text.translate(_TRADITIONAL)


def romanised(surname: str, given: str) -> str:
    """`张`, `伟明` → Zhang Weiming."""
    first = _COMPOUND.get(surname) or _PINYIN[surname]
    return f"{first} {''.join(_PINYIN[char] for char in given).capitalize()}"


def full_width(text: str) -> str:
    """ASCII digits and signs in their full-width forms."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def chinese_numeral(number: int) -> str:
    """1–99 in Chinese: 21 → 二十一."""
    tens, ones = divmod(number, 10)
    if not tens:
        return _DIGITS[ones]
    return f"{_DIGITS[tens] if tens > 1 else ''}十{_DIGITS[ones] if ones else ''}"


def without_suffix(area: str) -> str:
    """浙江省 → 浙江, 西湖区 → 西湖; two characters stay as they are."""
    for suffix in ("新区", "省", "市", "区"):
        if area.endswith(suffix) and len(area) - len(suffix) >= 2:
            return area[: -len(suffix)]
    return area
