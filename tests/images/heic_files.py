"""HEIC files: i2i reads them, and no permissively licensed package writes them.

Made by program, of 30x20 pixels: red and white above, black and blue below; in `alpha` the left half is hidden.
"""

import base64
import zlib

_PACKED = {
    "8 bits": (
        "c-"
        "muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Ufw3+(wIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HK!+&_EV5kWkLd%u9oCfm"
        "jsCNo9iaGRl$-"
        "K}^1a%#vKVl7E>6MFl|mUS>gZK9DX4DsyIJ;Q%t{S%4JDePH<W|Hlso27cxQpbl{dMjpoh|3M0v!76~Z%I#uuNCe7hIWaP#N=#r8"
        "P}p=g^m5D{783~ppcvx>kc2=(5>PpZ3**6J2?GhB5QA`Xeoj$da!v(MoR@*E0VpJrSzM3`^|%8RYb56+f?O*Hb-"
        "f6P{{R2~Js`~lq_2QzAQmXdtjGjuWai)ic|{_#AQu+Oz<^_IWMXD*0W!IBQxZX;{9l7{J)057L;=l)J;t9Uc2BI4ssDfP{+qpv8a"
        "-a*d`n<ZUH7HmGv<a+#ijQfZo4`g{Vc8dX4|Qudg@S9-"
        "Q0;kDy<CM@Ap2sv#oPs?R(RS_3Z7J=0xPRMfm*Wdi<W%(IZM`<*iwIshxd$w*<r#TV4}7>Em5`BA)q<d`+_5)y8Ev7T(Zb_Q>*eX"
        "kD_tXYh+1_qPAPo9FdYe#YjF?hDEqum1n26?kyhW9KJd6{mYyJ-"
        "#k?r*@){LgI?_r5hC@u6L*3vCVz4S#f*OIkr0<b<zhnzLXTNds$z+;QEdaGbBYaI(P2TKl}Q*GJ}>W_dIuJ**TdX?ZR`;{?q+@Oa"
        "9j9>kJ0~DQnO&"
    ),
    "10 bits": (
        "c-"
        "muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Ufw3+(wIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HK!+&_Hk!h?O%l^U}aPkf"
        "<n-lgb3;Wt1fwf|z^-nI*Y!CI2!DiVA@Az088-d>~y8ROZac!U1H?u>dKO`@rz$|F2&R4E)RqKpo-"
        "^j6970|AQ1TgH<pCmF!}2NCe7hIWaP#N=#r8P?)WIHP-"
        "a(0cXcXkeDQhVB|;wD(7%vJXkDYATa@Gi*Ry&PElTRP6be$mw~MTC?t|uT#yR&ngbMTB<Cc8Tq_54y$Fc@|Ns9zAk74%uYhPE7AV"
        "N9$OLI*=HlW4QWBX3xv)?M1{`Z66EkZIkbN;XB@q<LM>QDNvl($r72;}$bv#=3HRb>RrH3#4vTrlLm2Q+7TDMOBNr=L3-"
        "(w2l>w9i%ai@Jb`g+Sf)-"
        "(4srv^<|opa=i!K%gm`P%1Rm`{waomkH~f6|<YymsbW?~C?r*dco**VXe$@`in(`YSopWb3XnMQV2D?Ucx^ZhrkQ{Z5lW)=|ELwP"
        "urT7pchJ`Fv0JYWtKr_M`dn0fKyb)eOlomH#hn{}z`Yq9xOQ+h&i|O3yfp{TlxB8fFEthqa_UwYj|U!sl1-&+mVl007@$t_}"
    ),
    "alpha": (
        "c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>UfhjjPwIq=N0u(b+a*CjAhJwuG5(YG2l9`jA3}U!AFfcJNf>=xwAv6O6BQsD82$-"
        "k9L>R6Eu|;NPUK*GOk`)DVQo+iAYBI`_4H-"
        "}bnGk|}1(_we3{aJfYcdOp3V?J=W<hd3P^=uN%$bpe1IV0b0a7IQf#J{pA3qov_?Z)cI>a3qc^Loy2Pt3%t6&By*~R3L2$a)uVq`"
        ">>n7|^Su<35-"
        "<(NAxCK3WbF~$iX34w+rpmGiu#)HKY1`<Fa2I1uVoT9wsoC=^gF9TZxP)H=RxF8kkUk51GNX|(t067ZcdIk{?{r~^}dmt|Y=_}CC"
        "5Gcs3$OMNO2M5S2g$Q5G{{i#W9~`~{sX+3T8r)Yfi33e6V$rL1WzS{;@r^(PlK{v^Y#<*U?1Tg|!~u*TJJl0QE1W^R(xN=8+=A3}"
        "tBlmLWGf>BLsKiDRA!15IA#<w3vyve2AB$18=06{TNs#F+nCuqT7Y6wnMJ8-"
        "P<cL}z8r8`0mb5@+>}I6qWZ7FxSq|3W1@g&!ye<$61ykX$khM8cmK`aMU5UWa=s-nsIL3c?-"
        "_GLsN&N54YysLjeeHae6#J;P(5|1sc!DXAC*=H?)Q5i-"
        "PzW;u=c&_#CrDjOLHRf+9G^@ay@>}>gW+Av+~v~z0}UWy;}leiY>1Ro%Hc8JrU1*N4_T6?rP(*8w+pfFMDM9I<ziX-!u5dj(gkx-"
        "_7&-DL-TLM)w6}jaUDF)CxSf>#_5buZq*XtR7#NyHh(+NFi}W`qGUG5!buZ@7U(P*sQp{=p5S}k2>jt8(&I_*S)MSUT}TKhZ&M08"
        "J#=#=%0Q4T$w@3lzX1Lv+SJAk9OfXXaDJbz9oO_^L2&;z#zD+!MKhm#p<V%!sZ(W;su4}YF{r)2E^#+*$dVjzIpJ(_AimYDu3<xn"
        "pJn<!~YBVFP6WE{~r77X4|)h^5W|WZ@1lJc=qAXR|fNscINZWzUGWpKK0Iw<;j#b2UgCK`kRRY?z^M>w^${=aw+JUGov{7(sSMBi"
        "!!07_!IV}Wk!T;ZkgJncB)}U{l9mI|JZRlXxjOFZ*!h^+h%K6l<l|Idr#SyWQh8|%6J&1<T+DZtNKjKot;w|8?G$vb9(tsV$=0oY"
        "ksuaY&KN=oF01Yjwa(lR^7uVIAQ>XZ*A@"
    ),
}

HEIC = {name: zlib.decompress(base64.b85decode(text)) for name, text in _PACKED.items()}
