/**
 * The tables of key-letters.ts, made of the weights that MySQL 9.7 and MariaDB 11.4 say.
 * Never changed: plans name them. Newer weights are another table.
 */

export const GENERAL =
  '0:1c 1:1d 2:1e 3:1f 4:1g 5:1h 6:1i 7:1j 8:1k 9:1l a:1t,w,2n,1,1,1,1,1,r,1,1,1,1,1,r,1,1,1,' +
  '1,1,5k,1,g,1,1,1,p,1,5,1,1,1,z,1,5i1,1,4f,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 b:' +
  '1u,w,5uo,1,1,1,1,1 c:1v,w,2s,w,v,1,1,1,1,1,1,1,5q3,1 d:1w,w,4q,1,5q3,1,1,1,1,1,1,1,1,1 e:1' +
  'x,w,2r,1,1,1,t,1,1,1,13,1,1,1,1,1,1,1,1,1,6h,1,1,1,x,1,5ij,1,1,1,1,1,1,1,1,1,4b,1,1,1,1,1,' +
  '1,1,1,1,1,1,1,1,1,1 f:1y,w,5vc,1 g:1z,w,51,1,1,1,1,1,1,1,5f,1,d,1,5kb,1 h:20,w,58,1,6x,1,5' +
  'j7,1,1,1,1,1,1,1,1,1,2z i:21,w,2r,1,1,1,t,1,1,1,1l,1,1,1,1,1,1,1,1,1,4e,1,1k,1,1,1,5k1,1,1' +
  ',1,49,1,1,1 j:22,w,5m,1,57 k:23,w,5n,1,4x,1,5l3,1,1,1,1,1 l:24,w,5p,1,1,1,1,1,5q0,1,1,1,1,' +
  '1,1,1 m:25,w,5w1,1,1,1,1,1 n:26,w,2r,w,2a,1,1,1,1,1,4w,1,5l7,1,1,1,1,1,1,1 o:27,w,2r,1,1,1' +
  ',1,s,1,1,1,1,2e,1,1,1,1,1,27,1,1c,1,o,1,1,1,v,1,1,1,r,1,1,1,1,1,1,1,5jv,1,1,1,1,1,1,1,3d,1' +
  ',1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 p:28,w,5wk,1,1,1 q:29,w r:2a,w,6a,1,1,1,1,1,5' +
  '3,1,1,1,5l1,1,1,1,1,1,1,1 s:2b,w,30,3f,1,1,1,1,1,1,1,u,49,1,5l3,1,1,1,1,1,1,1,1,1,1e t:2c,' +
  'w,6m,1,1,1,51,1,5lb,1,1,1,1,1,1,1,12 u:2d,w,2s,1,1,1,t,1,1,1,30,1,1,1,1,1,1,1,1,1,1,1,1o,1' +
  ',z,1,1,1,1,1,1,1,1,1,1k,1,1,1,5ln,1,1,1,1,1,1,1,1,1,2x,1,1,1,1,1,1,1,1,1,1,1,1,1 v:2e,w,5x' +
  'i,1,1,1 w:2f,w,71,1,5qj,1,1,1,1,1,1,1,1,1,f x:2g,w,5xu,1,1,1 y:2h,w,2s,w,2,3b,1,1,56,1,5ln' +
  ',1,a,2h,1,1,1,1,1,1,1 z:2i,w,73,1,1,1,1,1,5qq,1,1,1,1,1';

export const UCA400 =
  '0:1c,180,40,hi,3k,3k,3k,3k,74,3k,3k,6i,3k,28,j,7h,1i8,g,w,8m,1ey,g,ve,l,26g,nl,148o 1:1d,3' +
  's,148,40,hi,3k,d,37,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1fe,66,ld,k,k,31,ht,a,a,1' +
  'p3,in,49,3r,144x 10:76x,k,k,31,ht,a,a,27q,49,3r 11:76y,k,k,2h,2qn,49,3r 12:59,71q,k,k,2h,2' +
  'qn,49,3r 13:6kz,m1,k,k,2h,2uw,3r 14:58,71t,k,k,2h,2uw,3r 15:6l1,m1,k,k,2h,2uw,3r 16:6l5,ly' +
  ',k,k,2h,2uw,3r 17:774,k,k,2h,2uw,3r 18:6l7,ly,k,k,2h,2uw,3r 19:776,k,k,2h,2uw,3r 2:1e,3k,1' +
  '4g,40,hi,3k,d,37,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1fe,rj,k,k,31,ht,a,a,1p3,in,' +
  '49,3r,144x 20:777,k,k,2h,2uw,3r 21:9xt,7w,3r 22:9xu,7w,3r 23:6l0,3cv,7w,3r 24:9xw,7w,3r 25' +
  ':6l2,3cv,bn 26:9xy,bn 27:9xz,bn 28:9y0,bn 29:9y1,bn 3:1f,3k,14g,40,hi,3k,d,37,3k,3k,3k,3k,' +
  '3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1fe,rj,k,k,31,ht,a,a,1p3,in,49,3r,144x 30:9y2,bn 31:9y3,b' +
  'n 32:9y4 33:9y5 34:5a,9sw 35:6l3,3d4 36:a0h 37:a0i 38:6l8,3fb 39:a0k 4:1g,180,40,hi,3k,d,3' +
  '7,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1ey,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,144x 40' +
  ':a0l 41:a0m 42:a0n 43:a0o 44:a0p 45:6l4,3fm 46:a0r 47:a0s 48:a0t 49:a0u 5:1h,180,40,hi,3k,' +
  '3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1ey,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,144x 5' +
  '0:a0v 56:6l6 58:6l9 6:1i,180,40,hi,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1ey,' +
  'g,rj,k,k,31,ht,a,a,1p3,in,49,3r,144x 7:1j,180,40,hi,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,' +
  'mg,vs,g,w,8m,1ey,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,144x 78:6la 8:1k,180,40,hi,3k,3k,3k,3k,3k' +
  ',3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1ey,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,144x 9:1l,180,40,' +
  'hi,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,mg,vs,g,w,8m,1ey,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,' +
  '144x a:1t,w,21,m,1,1,1,1,1,r,1,1,1,1,1,r,1,1,1,1,1,5k,1,g,1,1,1,p,1,5,1,1,1,z,1,8s,53d,n,5' +
  '9,1,49,6,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,hg,oh,q,q,2wi,147z,w ac:6io am:a82,' +
  't as:6ip au:a5v b:1u,w,5os,p,57,1,1,1,1,1,md,oh,q,q,174h,w bar:a5w bq:a83 c:1v,w,2s,w,v,1,' +
  '1,1,1,1,1,1,gr,59c,1,l5,1,16,1s,g,m9,q,q,174h,w cal:a6g cc:a84 cd:a85 ckg:a86 cm:a71 cm2:a' +
  '74 cm3:a78 co:6it,3pe cu:6iu d:1w,w,4q,1,b9,1,5g,53b,o,5e,1,1,1,1,1,1,1,1,1,mq,1,14,g,m9,q' +
  ',q,174h,w da:a5u db:a88 dl:a6v dm:a5z dm2:a60 dm3:a61 dz:ck,1,1,17,1,1,4w e:1x,w,2r,1,1,1,' +
  't,1,1,1,13,1,1,1,1,1,1,1,1,1,6h,1,1,1,x,1,8r,53h,o,5n,1,1,1,1,1,1,1,1,1,4b,1,1,1,1,1,1,1,1' +
  ',1,1,1,1,1,1,1,h4,1,n,nt,q,q,174h,w erg:a19 ev:a1a f:1y,w,g3,5f9,1,kq,14,og,q,q,2wn,147u,w' +
  ' fax:6kb ff:1dkw ffi:1dkz ffl:1dl0 fi:1dkx fl:1dky fm:a6x g:1z,w,51,1,1,1,1,1,1,1,5f,1,d,1' +
  ',5dq,q,5v,1,kp,pk,q,q,2wn,147u,w gal:a9r gb:a6f ghz:a6r gpa:a7g gy:a89 h:20,w,58,1,6x,1,41' +
  ',56,53e,6m,1,1,1,1,1,1,1,1,1,2z,hh,1,1,1,ph,q,q,174h,w ha:a8a hg:a18 hp:a8b hpa:a5t hz:a6o' +
  ' i:21,w,2r,1,1,1,t,1,1,1,1l,1,1,1,1,1,1,1,1,4f,1,1k,1,1,1,9m,53k,19,5m,1,1,1,49,1,1,1,bq,4' +
  'f,1,14,f,o,g,ms,q,q,174h,w ii:6ld,g iii:6le,g ij:8i,1 in:a8c iu:a62 iv:6lf,g ix:6lk,g j:22' +
  ',w,5m,1,57,5e,58k,sz,nw,q,q,174h,w k:23,w,5n,1,4x,1,5e6,o,69,1,1,1,1,1,l1,os,q,q,2xy,146j,' +
  'w ka:a6c kb:a6d kcal:a6h kg:a6n khz:a6p kk:a8d kl:a6w km:a72,1c km2:a76 km3:a7a kpa:a7e kt' +
  ':a8f kv:a7s kw:a7y l:24,w,5p,1,1,1,1,1,1,1,bl,57b,72,1,1,1,1,1,1,1,k5,1,2h,g,mj,q,q,2wq,14' +
  '7r,w lj:cn,1,1 lm:a8g ln:a8h log:a8i ls:iy ltd:a1b lx:a8j lz:iz m:25,w,la,53i,n,6m,1,1,1,1' +
  ',1,kw,1o,g,mh,q,q,2wv,12,146k,w m2:a75 m3:a79 ma:a6b mb:a6e,26 mg:a6m mhz:a6q mil:a8l ml:a' +
  '6u mm:a70 mm2:a73 mm3:a77 mol:a8m mpa:a7f ms:a7b,c ms2:a7c mv:a7r,2 mw:a7x,2 n:26,w,2r,w,2' +
  'a,1,1,1,1,1,1,4v,1,5dt,7e,1,1,1,1,1,1,1,fo,46,pg,q,q,174h,w na:a69 nf:a6j nj:cq,1,1 nm:a6y' +
  ' no:6ja ns:a7l nv:a7p nw:a7v o:27,w,23,o,1,1,1,1,s,1,1,1,1,2e,1,1,1,1,1,27,1,1c,1,o,1,1,1,' +
  'v,1,1,1,r,1,1,1,1,1,1,1,8l,53q,m,6y,1,1,1,1,1,1,1,3d,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1' +
  ',1,1,1,1,gh,om,q,q,174h,w oe:9e,1 ov:a5x p:28,w,5ou,o,72,1,1,1,jm,pe,q,q,174h,w pa:a68,15 ' +
  'pc:a5y pf:a6i ph:a8n pm:a8o ppm:a8p pr:a8q ps:a7k pte:9xs pv:a7o pw:a7u q:29,w,6g9,pe,q,q,' +
  '174h,w r:2a,w,6a,1,1,1,1,1,53,1,1,1,4g,55,53n,10,6t,1,1,1,1,1,1,1,jg,1,1,pc,q,q,174h,w rad' +
  ':a7h rads:a7i rads2:a7j rs:6g8 s:2b,w,6f,1,1,1,1,1,1,1,u,49,1,5l,5fi,1,1,1,1,1,1,1,1,1,1e,' +
  '177,q,q,2xc,1475,w sm:6jk sr:a8r ss:67 st:1dl1,1 sv:a8s t:2c,w,6m,1,1,1,51,1,3w,1,5h,53n,n' +
  ',7n,1,1,1,1,1,1,1,12,17c,q,q,174h,w tel:6jl thz:a6s tm:6jm ts:ce,6g u:2d,w,2s,1,1,1,t,1,1,' +
  '1,30,1,1,1,1,1,1,1,1,1,1,1,1o,1,z,1,1,1,1,1,1,1,1,1,1k,1,1,1,9c,53u,n,c,7i,1,1,1,1,1,1,1,1' +
  ',1,2x,1,1,1,1,1,1,1,1,1,1,1,1,1,14v,q,q,174h,w v:2e,w,l4,54d,a,7r,1,1,1,kl,g,n1,q,q,2xd,14' +
  '74,w vi:6lh,g vii:6li,g viii:6lj,g vm:a8u w:2f,w,71,1,8y,58r,8u,1,1,1,1,1,1,1,1,1,f,17e,q,' +
  'q,2xi,146z,w wb:a8t x:2g,w,h7,3w,5cr,1,1,1,kc,g,my,q,q,174h,w xi:6lm,g xii:6ln,g y:2h,w,2s' +
  ',w,2,3b,1,1,56,1,3p,5hy,1,a,2h,1,1,1,1,1,1,1,14r,q,q,174h,w z:2i,w,73,1,1,1,1,1,5qq,1,1,1,' +
  '1,1,i7,4,p9,q,q,174h,w zw:b1';

export const UCA520 =
  '0:1c,180,40,5s,bq,3k,3k,3k,3k,3k,3k,i,32,3k,6i,3k,28,j,7h,28,1g0,g,w,8m,3u,4w,g,5c,2o,40,g' +
  ',tc,g,ve,l,26g,nl,mo8,j4,1c,5s,3k,bk,gf4,hm,ly,15pq,a,a,a,a,4y2,1 03:6mh 1:1d,3s,148,40,5s' +
  ',bq,3k,3k,3k,3k,3k,3k,i,3,2z,3k,6i,3k,28,9,7r,28,k8,vs,g,w,8m,3u,9,4n,g,5c,2o,40,g,ts,66,l' +
  'd,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf4,dy,1n,m,1,1,cm,4x,5s,qf,5a,8a,1p,63,w,' +
  'ko,4ad,9,e,8,r,9,yko,vj,a,a,a,a,4y3 10:76x,k,k,31,ht,a,a,245,3l,49,3r 11:76y,k,k,2h,2qn,49' +
  ',3r 110:6ky 12:59,71q,k,k,2h,2qn,49,3r 13:6kz,m1,k,k,2h,2uw,3r 14:58,71t,k,k,2h,2uw,3r 15:' +
  '6l1,m1,k,k,2h,2uw,3r 16:6l5,ly,k,k,2h,2uw,3r 17:6kw,m8,k,k,2h,2uw,3r 18:6l7,ly,k,k,2h,2uw,' +
  '3r 19:6kx,m9,k,k,2h,2uw,3r 2:1e,3k,14g,40,5s,bq,3k,3k,3k,3k,3k,3k,i,3,2z,3k,6i,3k,28,9,7r,' +
  '28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,ts,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf4' +
  ',dy,2b,1,1,1,hg,5s,qf,5d,87,7s,w,ko,49r,m,9,4,a,8,l,6,9,yko,vj,a,a,a,a,4y3 20:777,k,k,2h,2' +
  'mt,83,3r 21:9xt,7w,3r 22:9xu,7w,3r 23:6l0,3cv,7w,3r 24:9xw,7w,3r 25:6l2,3cv,bn 26:9xy,bn 2' +
  '7:9xz,bn 28:9y0,bn 29:9y1,bn 3:1f,3k,14g,40,5s,bq,3k,3k,3k,3k,3k,3k,i,3,2z,3k,6i,3k,28,9,7' +
  'r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,ts,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,g' +
  'f4,dy,pm,qf,5d,87,7s,w,ko,49r,7,f,9,4,1,9,1,7,1,3,1,g,6,ykx,vj,a,a,a,a,4y3 30:9xm,g,bn 31:' +
  '9y3,bn 32:9y4 33:9y5 34:5a,9sw 35:6l3,3d4 36:a0h 37:a0i 38:6l8,3fb 39:a0k 4:1g,180,40,5s,b' +
  'q,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,31,' +
  'ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf4,dy,pm,13z,7s,w,ko,49r,7,6,9,9,5,a,8,4,1,1,1,d,6' +
  ',1,ykw,vj,a,a,a,a,4y3 40:9xn,2y 41:a0m 42:a0n 43:a0o 44:a0p 45:6l4,3fm 46:a0r 47:a0s 48:a0' +
  't 49:a0u 5:1h,180,40,5s,bq,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5' +
  'c,2o,40,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf4,dy,1k,5,7,g,k,by,as,1x' +
  'b,49r,7,6,9,9,5,a,8,k,7,1,ykv,vj,a,a,a,a,4y3 50:9xo,37 56:6l6 58:6l9 6:1i,180,40,5s,bq,3k,' +
  '3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,73,kg,k,k,31,ht' +
  ',a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf4,dy,pm,1xb,49r,7,6,9,e,o,e,yl3,vj,a,a,a,a,4y3 60:9' +
  'xp 7:1j,180,40,5s,bq,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,4' +
  '0,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf4,dy,pm,1xb,49r,7,6,9,e,o,1,1,' +
  'ylf,vj,a,a,a,a,4y3 70:9xq 78:6la 8:1k,180,40,5s,bq,3k,3k,3k,3k,3k,3k,3k,3k,6i,3k,28,9,7r,2' +
  '8,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,3k,bk,gf' +
  '4,dy,pm,1xb,49r,7,6,9,e,q,1,yle,vj,a,a,a,a,4y3 80:9xr 9:1l,180,40,5s,bq,3k,3k,3k,3k,3k,3k,' +
  '3k,3k,6i,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,' +
  'mkh,j4,1c,5s,3k,bk,gf4,dy,pm,1xb,49r,7,6,9,e,r,1,1,1,ylb,vj,a,a,a,a,4y3 a:1t,w,21,m,1,1,1,' +
  '1,1,r,1,1,1,1,1,r,1,1,1,1,1,5k,1,g,1,1,1,p,1,5,1,1,1,z,1,8s,53d,n,40,19,1,49,6,1,1,1,1,1,1' +
  ',1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,d5,4b,oh,q,q,2wi,147z,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,q,q,58m aa:x0y,1 ac:6io ae:5i,w,70,1,p,1,5dc,4n am:a82,t ao:5w5,r4v,1 ' +
  'as:6ip au:a5v,mv7,1 av:5w6,r4y,1,1,1 ay:x18,1 b:1u,w,5os,p,57,1,1,1,1,1,md,oh,q,q,174h,w,1' +
  '60v,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w bar:a5w bq:a83 c:1v,w,2s,w,v,1,' +
  '1,1,1,1,1,1,gr,56c,1n,1d,1,l5,1,16,1s,g,m9,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,1g,1g,q,q,q,q' +
  ',q,q,q,q,q,q,q,q,58m,p cal:a6g cc:a84 cd:a85,2fzc ckg:a86 cm:a71 cm2:a74 cm3:a78 co:6it,3p' +
  'e cu:6iu d:1w,w,30,w,u,1,1,1,b7,1,5g,53b,o,2e,1m,1,1d,1,1,1,1,1,1,1,1,1,mq,1,14,g,m9,q,q,p' +
  't2,1,hbe,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m da:a5u db:fs,9sg dj:' +
  '2qa8 dl:a6v dm:a5z dm2:a60 dm3:a61 dz:ck,1,1,17,1,1,4w e:1x,w,2r,1,1,1,t,1,1,1,13,1,1,1,1,' +
  '1,1,1,1,1,6h,1,1,1,x,1,8r,53h,o,5n,1,1,1,1,1,1,1,1,1,4b,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,cq,4' +
  'e,1,n,nt,q,q,174h,w,160v,q,q,q,q,q,26,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m erg:a19 ev:a1a' +
  ' f:1y,w,g3,5br,3i,1,kq,14,og,q,q,2wn,mwf,1,hbe,w,160v,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q' +
  ',q,q,q,q,q,q,58m fax:6kb ff:1dkw ffi:1dkz ffl:1dl0 fi:1dkx fl:1dky fm:a6x g:1z,w,51,1,1,1,' +
  '1,1,1,1,5f,1,d,1,5dq,q,18,2p,1y,1,kp,pk,q,q,2wn,mwg,hbe,w,160v,q,q,q,q,q,q,1g,q,q,q,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,q,58m gal:a9r gb:a6f ghz:a6r gpa:a7g gy:a89 h:20,w,58,1,1,1,6v,1,41,56' +
  ',53e,6m,1,1,1,1,1,1,1,1,1,2z,hh,1,1,1,1,pg,q,q,174h,w,160v,q,q,1g,q,1g,q,q,1g,1g,q,q,q,q,q' +
  ',q,q,q,q,q,q,q,58m,1s ha:a8a hg:a18 hp:a8b hpa:a5t hv:2q8a hz:a6o i:21,w,2r,1,1,1,t,1,1,1,' +
  '1l,1,1,1,1,1,1,1,1,4f,1,1k,1,1,1,9m,53k,19,5m,1,1,1,49,1,1,1,bq,4f,1,14,f,o,g,ms,q,q,174h,' +
  'w,160v,q,q,q,q,q,1g,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m ic:2qa3 ii:6ld,g iii:6le,g ij:8' +
  'i,1 in:a8c iu:a62 iv:6lf,g ix:6lk,g j:22,w,5m,1,57,5e,58k,sz,nw,q,q,1ib,15m6,w,160v,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,2o k:23,w,5n,1,4x,1,5e6,o,3x,2c,1,1,1,1,1,' +
  'l1,os,q,q,2xy,146j,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m ka:a6c kb:' +
  'a6d kcal:a6h kg:a6n khz:a6p kk:a8d kl:a6w km:a72,1c km2:a76 km3:a7a kpa:a7e kt:a8f kv:a7s ' +
  'kw:a7y l:24,w,5p,1,1,1,1,1,1,1,1,1,bj,57b,4l,2h,1,1,1,1,1,1,1,k5,1,2h,g,mj,q,q,2wq,147r,w,' +
  '160v,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,2o lj:cn,1,1 ll:64a,1 lm:a8g ln:' +
  'a8h log:a8i ls:iy ltd:a1b lx:a8j lz:iz m:25,w,la,53i,n,6m,1,1,1,1,1,kw,1o,g,mh,q,q,2wv,12,' +
  '146k,w,160v,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,2o m2:a75 m3:a79 ma:a6b m' +
  'b:a6e,26 mg:a6m mhz:a6q mil:a8l ml:a6u mm:a70 mm2:a73 mm3:a77 mol:a8m mpa:a7f ms:a7b,c ms2' +
  ':a7c mv:a7r,2,2g0i mw:a7x,2 n:26,w,2r,w,2a,1,1,1,1,1,1,4v,1,5dt,4m,2s,1,1,1,1,1,1,1,fo,46,' +
  'pg,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,w na:a69 nf:a6j nj' +
  ':cq,1,1 nm:a6y no:6ja ns:a7l nv:a7p nw:a7v o:27,w,23,o,1,1,1,1,2,q,1,1,1,1,2,2c,1,1,1,1,1,' +
  '27,1,1c,1,o,1,1,1,h,1,d,1,1,1,r,1,1,1,1,1,1,1,8l,53q,m,6y,1,1,1,1,1,1,1,3d,1,1,1,1,1,1,1,1' +
  ',1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,bz,4i,om,q,q,174h,w,160v,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q' +
  ',q,q,q,q,q,q,q,58m oe:9e,1 oo:x1q,1 ov:a5x p:28,w,5ou,o,72,1,1,1,jm,pe,q,q,174h,w,160v,q,q' +
  ',q,q,q,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w,b pa:a68,15,2g2r pc:a5y pf:a6i ph:' +
  'a8n pm:a8o ppm:a8p ppv:2q8e pr:a8q ps:a7k pte:9xs pv:a7o pw:a7u q:29,w,6g9,pe,q,q,174h,w,1' +
  '60v,q,q,q,q,q,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m qp:ft r:2a,w,6a,1,1,1,1,1,53,1,1,' +
  '1,4g,55,53n,10,2v,3y,1,1,1,1,1,1,1,jg,1,1,pc,q,q,psx,1,hbj,w,160v,q,q,q,q,q,1g,q,q,1g,1g,q' +
  ',q,q,q,q,q,q,q,q,q,q,q,58m,b rad:a7h rads:a7i rads2:a7j rs:6g8 s:2b,w,6f,1,1,1,1,1,1,1,u,4' +
  '9,1,5l,5c2,1,3f,1,1,1,1,1,1,1,1,1,1e,177,q,q,2xc,mvm,1,hbi,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,q,q,q,58m,8,o sa:2qa5 sd:2q8c sm:6jk sr:a8r ss:67,5vj,2k6n st:1dl1,1 s' +
  'v:a8s t:2c,w,6m,1,1,1,51,1,3w,1,5h,53n,n,7n,1,1,1,1,1,1,1,12,17c,q,q,psz,1,hbh,w,160v,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m tel:6jl th:5tm thz:a6s tm:6jm ts:ce,6g t' +
  'z:x0o,1 u:2d,w,2s,1,1,1,t,1,1,1,30,1,1,1,1,1,1,1,1,1,1,1,1o,1,z,1,1,1,1,1,1,1,1,1,1k,1,1,1' +
  ',9c,53u,n,c,7i,1,1,1,1,1,1,1,1,1,2x,1,1,1,1,1,1,1,1,1,1,1,1,1,14v,q,q,174h,w,160v,q,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m v:2e,w,l4,54d,a,7r,1,1,1,kl,g,n1,q,q,1i0,1fd' +
  ',1474,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m vi:6lh,g vii:6li,g viii' +
  ':6lj,g vm:a8u vy:x28,1 w:2f,w,71,1,8y,58r,8u,1,1,1,1,1,1,1,1,1,f,17e,q,q,2xi,146z,w,160v,q' +
  ',q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w wb:a8t wz:2q7i x:2g,w,h7,3w,5cr,1,1' +
  ',1,ee,5y,g,my,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m xi:6lm' +
  ',g xii:6ln,g y:2h,w,2s,w,2,3b,1,1,56,1,3p,5hy,1,a,2h,1,1,1,1,1,1,1,14r,q,q,174h,w,160v,q,q' +
  ',q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m z:2i,w,73,1,1,1,1,1,5kt,17,4q,1,1,1,1,1' +
  ',i7,4,p9,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,1g,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m zw:b1';

export const SWEDISH =
  '0:1c 1:1d 2:1e 3:1f 4:1g 5:1h 6:1i 7:1j 8:1k 9:1l a:1t,w,2n,1,1,1,t,1,1,1 b:1u,w c:1v,w,2s' +
  ',w d:1w,w,30,w e:1x,w,2r,1,1,1,t,1,1,1 f:1y,w g:1z,w h:20,w i:21,w,2r,1,1,1,t,1,1,1 j:22,w' +
  ' k:23,w l:24,w m:25,w n:26,w,2r,w o:27,w,2r,1,1,1,t,1,1,1 p:28,w q:29,w r:2a,w s:2b,w t:2c' +
  ',w u:2d,w,2s,1,1,u,1,1 v:2e,w w:2f,w x:2g,w y:2h,w,2r,1,v,1 z:2i,w';

export const ASCII =
  '0:1c 1:1d 2:1e 3:1f 4:1g 5:1h 6:1i 7:1j 8:1k 9:1l a:1t,w b:1u,w c:1v,w d:1w,w e:1x,w f:1y,' +
  'w g:1z,w h:20,w i:21,w j:22,w k:23,w l:24,w m:25,w n:26,w o:27,w p:28,w q:29,w r:2a,w s:2b' +
  ',w t:2c,w u:2d,w v:2e,w w:2f,w x:2g,w y:2h,w z:2i,w';

export const UCA1400 =
  '0:1c,180,40,5s,bq,3k,3k,3k,3k,3k,3k,i,32,3k,3k,2y,3k,28,j,7h,28,1g0,g,w,8m,3u,4w,g,5c,2o,4' +
  '0,g,tc,g,ve,l,26g,nl,mo8,j4,1c,5s,w,2o,bk,gf4,hm,ly,1ow,mu,3u,1y,4a,80,9s,3k,ao,34,34,c0,3' +
  '4,lc,74,28,f5s,2o,40,mo,jts,z2,a,a,a,a,1u2,c0,19c,1io,1,a,1,25g 03:6mh 1:1d,3s,148,40,5s,b' +
  'q,3k,3k,3k,3k,3k,3k,i,3,2z,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,9,4n,g,5c,2o,40,g,ts,66,' +
  'ld,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,1n,m,1,1,av,1r,4x,5s,qf,x,1a,2c,' +
  'r,4q,3k,1p,w,26,31,w,1d,9d,1j,8f,59,1g,38,3x,l,3u,1y,4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,' +
  '28,19w,9,e,8,r,9,du1,2o,40,mo,j,jt9,3j,i,5,uw,a,a,a,a,1u2,c0,15i,3u,m8,1e,e,28,sh,25r 10:7' +
  '6x,k,k,31,ht,a,a,245,3l,49,3r 11:76y,k,k,2h,2qn,49,3r 110:6ky 12:59,71q,k,k,2h,2qn,49,3r 1' +
  '20p:2qas 13:6kz,m1,k,k,2h,2uw,3r 14:58,71t,k,k,2h,2uw,3r 15:6l1,m1,k,k,2h,2uw,3r 16:6l5,ly' +
  ',k,k,2h,2uw,3r 17:6kw,m8,k,k,2h,2uw,3r 18:6l7,ly,k,k,2h,2uw,3r 19:6kx,m9,k,k,2h,2uw,3r 2:1' +
  'e,3k,14g,40,5s,bq,3k,3k,3k,3k,3k,3k,i,3,2z,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,' +
  '2o,40,g,ts,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,2b,1,1,1,as,6o,5s,qf,' +
  'x,1a,36,4n,3k,7s,w,1d,aw,8f,59,4o,3x,l,3u,1y,4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,m' +
  ',9,4,a,8,l,6,6,3,du1,2o,40,mo,j,jt9,3j,i,v1,a,a,a,a,1u2,c0,15i,3u,m8,1e,e,28,19,r8,25r 20:' +
  '777,k,k,2h,2mt,83,3r 21:9xt,7w,3r 22:9xu,7w,3r 222:2qaq 23:6l0,3cv,7w,3r 24:9xw,7w,3r 25:6' +
  'l2,3cv,bn 26:9xy,bn 27:9xz,bn 28:9y0,bn 29:9y1,bn 2k:2qal 2ndscr:2qak 3:1f,3k,14g,40,5s,bq' +
  ',3k,3k,3k,3k,3k,3k,i,3,2z,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,ts,rj,k,k' +
  ',31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,d6,cg,qf,x,1a,36,4n,3k,7s,w,1d,aw,8f,5' +
  '9,4o,3x,l,3u,1y,4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,7,f,9,4,1,9,1,7,1,3,1,g,6,6,du' +
  '4,2o,40,mo,j,jt9,3j,i,v1,a,a,a,a,1u2,c0,15i,3u,m8,1e,2m,19,r8,25r 30:9xm,g,bn 31:9y3,bn 32' +
  ':9y4 33:9y5 34:5a,9sw 35:6l3,3d4 36:a0h 37:a0i 38:6l8,3fb 39:a0k 3d:2qaj 4:1g,180,40,5s,bq' +
  ',3k,3k,3k,3k,3k,3k,3k,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,3' +
  '1,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,d6,cg,rc,1a,1,7s,3k,7s,w,1d,aw,8f,59,4o,' +
  '3x,l,3u,1y,4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,7,6,9,9,5,a,8,4,1,1,1,d,6,1,m,dtn,2' +
  'o,40,mo,jts,3j,i,v1,a,a,a,a,1u2,c0,15i,3u,m8,1e,2m,19,r8,25r 40:9xn,2y 41:a0m 42:a0n 43:a0' +
  'o 44:a0p 45:6l4,3fm 46:a0r 47:a0s 48:a0t 49:a0u 4k:2qam 5:1h,180,40,5s,bq,3k,3k,3k,3k,3k,3' +
  'k,3k,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,4' +
  '9,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,1k,5,7,g,k,aa,1o,as,rc,1b,28,5k,88,en,1m,8f,59,8l,l,3u,1y' +
  ',4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,7,6,9,9,5,a,8,k,7,1,l,dtn,2o,40,mo,jts,3j,i,2' +
  ',uz,a,a,a,a,1u2,c0,15i,3u,m8,1e,2m,19,r8,25r 50:9xo,37 51:2qao 56:6l6 58:6l9 6:1i,180,40,5' +
  's,bq,3k,3k,3k,3k,3k,3k,3k,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,73,k' +
  'g,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,d6,cg,10f,oh,8f,du,l,3u,1y,4a,g,7' +
  'k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,7,6,9,e,o,e,t,dtn,2o,40,mo,jts,3j,vj,a,a,a,a,1u2,c0,' +
  '15i,3u,m8,1e,2m,19,r8,25r 60:9xp 60p:2qar 7:1j,180,40,5s,bq,3k,3k,3k,3k,3k,3k,3k,3k,3k,2y,' +
  '3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c' +
  ',5s,w,2o,bk,gf4,dy,d6,cg,10f,oh,8f,du,l,3u,1y,4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,' +
  '7,6,9,e,o,1,1,15,dtn,2o,40,mo,jts,3j,vj,a,a,a,a,1u2,c0,15i,3u,m8,1e,2m,19,r8,25r 70:9xq 71' +
  ':2qap 78:6la 8:1k,180,40,5s,bq,3k,3k,3k,3k,3k,3k,3k,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u' +
  ',4w,g,5c,2o,40,g,tc,g,rj,k,k,31,ht,a,a,1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,d6,cg,10f,' +
  'oh,8f,du,l,3u,1y,4a,g,7k,9s,3k,ao,34,34,c0,34,lc,9,6v,28,19a,7,6,9,e,q,1,14,dtn,2o,40,mo,j' +
  'ts,3j,vj,a,a,a,a,1u2,c0,15i,3u,m8,1e,2m,19,r8,25r 80:9xr 8k:2qan 9:1l,180,40,5s,bq,3k,3k,3' +
  'k,3k,3k,3k,3k,3k,3k,2y,3k,28,9,7r,28,k8,vs,g,w,8m,3u,4w,g,5c,2o,40,g,tc,g,rj,k,k,31,ht,a,a' +
  ',1p3,in,49,3r,mkh,j4,1c,5s,w,2o,bk,gf4,dy,d6,cg,10f,oh,8f,du,l,3u,1y,4a,g,7k,9s,3k,ao,34,3' +
  '4,c0,34,lc,9,6v,28,19a,7,6,9,e,r,1,1,1,11,dtn,2o,40,mo,jts,3j,vj,a,a,a,a,1u2,c0,15i,3u,m8,' +
  '1e,2m,19,r8,25r a:1t,w,21,m,1,1,1,1,1,r,1,1,1,1,1,r,1,1,1,1,1,5k,1,g,1,1,1,p,1,5,1,1,1,z,1' +
  ',8s,53d,n,40,v,e,1,49,6,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,d5,4b,oh,q,q,2wi,mxk' +
  ',1,11,1,h9c,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w aa:x0y,1,j0' +
  't ab:2qa6 ac:6io ae:5i,w,70,1,p,1,5dc,4n,1a5r am:a82,t ao:5w5,r4v,1 as:6ip,24 au:a5v,mv7,1' +
  ' av:5w6,r4y,1,1,1 ay:x18,1 b:1u,w,5os,p,4h,q,1,1,1,1,1,md,oh,q,q,174h,w,160v,q,q,q,q,q,1g,' +
  'q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w bar:a5w bq:a83 c:1v,w,2s,w,v,1,1,1,1,1,1,1,g' +
  'r,56c,1n,1d,1,l5,1,16,1s,g,m9,q,q,pwg,h81,w,160v,q,q,q,q,q,q,q,q,q,1g,1g,q,q,q,q,q,q,q,q,q' +
  ',q,q,q,58m,p,7,w,w cal:a6g cc:a84 cd:a85,2fzc ckg:a86 cl:2qa9 cm:a71 cm2:a74 cm3:a78 co:6i' +
  't,3pe cool:2qaa cu:6iu d:1w,w,30,w,u,1,1,1,b7,1,5g,53b,o,2e,1m,1,1d,1,1,1,1,1,1,1,1,1,mq,1' +
  ',14,g,m9,q,q,pt2,1,rw,gji,w,1ms,1,1,14e1,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q' +
  ',1ol,7,3ju,w,w,w,1e da:a5u db:fs,9sg dj:2qa8 dl:a6v dm:a5z dm2:a60 dm3:a61 dz:ck,1,1,17,1,' +
  '1,4w,1fj8 e:1x,w,2r,1,1,1,t,1,1,1,13,1,1,1,1,1,1,1,1,1,6h,1,1,1,x,1,8r,53h,o,5n,1,1,1,1,1,' +
  '1,1,1,1,4b,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,cq,4e,1,n,nt,q,q,174h,w,160v,q,q,q,q,q,26,q,q,q,q' +
  ',q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w erg:a19 ev:a1a f:1y,w,g3,5br,23,1f,1,kq,14,og,q,q,2wn' +
  ',mwf,1,3b,h83,w,1my,14dx,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,1o1,3kl,w,w,w fa' +
  'x:6kb ff:1dkw ffi:1dkz ffl:1dl0 fi:1dkx fl:1dky fm:a6x free:2qab g:1z,w,51,1,1,1,1,1,1,1,5' +
  'f,1,d,1,4wn,h3,q,18,2p,1y,1,kp,pk,q,q,2wn,mwg,z,1,hae,w,160v,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,q,58m,w,w,w gal:a9r gb:a6f ghz:a6r gpa:a7g gy:a89 h:20,w,58,1,1,1,6v,1,4' +
  '1,56,53e,6m,1,1,1,1,1,1,1,1,1,2z,e7,3a,1,1,1,1,pg,q,q,pwh,h80,w,1n1,14du,q,q,1g,q,1g,q,q,1' +
  'g,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w ha:a8a hc:2qau hdr:2qav hg:a18 hires:2qaw hp:a8b hp' +
  'a:a5t hv:2q8a hz:a6o i:21,w,2r,1,1,1,t,1,1,1,1l,1,1,1,1,1,1,1,1,4f,1,1k,1,1,1,9m,53k,19,5m' +
  ',1,1,1,49,1,1,1,bq,4f,1,14,f,o,g,ms,q,q,174h,w,160v,q,q,q,q,q,1g,q,q,1g,q,q,q,q,q,q,q,q,q,' +
  'q,q,q,q,q,58m,w,w,w ic:2qa3 id:2qac ii:6ld,g iii:6le,g ij:8i,1 in:a8c iu:a62 iv:6lf,g ix:6' +
  'lk,g j:22,w,5m,1,57,5e,58k,sz,nw,q,q,1ib,15m6,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q' +
  ',q,q,q,q,q,q,58m,w,w,w k:23,w,5n,1,4x,1,5e6,o,3x,2c,1,1,1,1,1,gx,44,os,q,q,2xy,mw2,1,hag,w' +
  ',160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w ka:a6c kb:a6d kcal:a6h k' +
  'g:a6n khz:a6p kk:a8d kl:a6w km:a72,1c km2:a76 km3:a7a kpa:a7e kt:a8f kv:a7s kw:a7y l:24,w,' +
  '5p,1,1,1,1,1,1,1,1,1,bj,57b,4l,2h,1,1,1,1,1,1,1,gq,3f,1,2h,g,mj,q,q,2wq,147r,w,160v,q,q,q,' +
  'q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w lj:cn,1,1 ll:64a,1 lm:a8g ln:a8h log:' +
  'a8i lossless:2qax ls:iy,1fjj ltd:a1b lx:a8j lz:iz,1fjj m:25,w,la,53i,n,6m,1,1,1,1,1,gl,4b,' +
  '1o,g,mh,q,q,2wv,12,146k,w,160v,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w ' +
  'm2:a75 m3:a79 ma:a6b mb:a6e,26 mc:2q96 md:2q97 mg:a6m mhz:a6q mil:a8l ml:a6u mm:a70 mm2:a7' +
  '3 mm3:a77 mol:a8m mpa:a7f mr:2q98 ms:a7b,c ms2:a7c mv:a7r,2,2g0i mw:a7x,2 n:26,w,2r,w,2a,1' +
  ',1,1,1,1,1,4v,1,5dt,4m,2s,1,1,1,1,1,1,1,fo,q,3g,pg,q,q,ptz,1,hah,w,160v,q,q,q,q,q,q,q,q,q,' +
  'q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w na:a69 new:2qad nf:a6j ng:2qae nj:cq,1,1 nm:a6y n' +
  'o:6ja ns:a7l nv:a7p nw:a7v o:27,w,23,o,1,1,1,1,2,q,1,1,1,1,2,2c,1,1,1,1,1,27,1,1c,1,o,1,1,' +
  '1,h,1,d,1,1,1,r,1,1,1,1,1,1,1,8l,53q,m,4b,6,2h,1,1,1,1,1,1,1,3d,1,1,1,1,1,1,1,1,1,1,1,1,1,' +
  '1,1,1,1,1,1,1,1,1,1,bz,4i,om,q,q,ptq,1,haq,w,1n7,14do,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q' +
  ',q,q,q,q,q,q,58m,w,w,w oe:9e,1,wx2 ok:2qaf oo:x1q,1 ov:a5x p:28,w,5ou,o,48,2u,1,1,1,g3,3j,' +
  'pe,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w,b pa:a68,15,' +
  '2g2r pc:a5y pf:a6i ph:a8n pm:a8o ppm:a8p ppv:2q8e pr:a8q ps:a7k pte:9xs pv:a7o pw:a7u q:29' +
  ',w,6g9,pe,q,q,pw4,h8d,w,1n8,14dn,q,q,q,q,q,q,q,q,q,q,q,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,' +
  'w qp:ft r:2a,w,6a,1,1,1,1,1,53,1,1,1,4g,55,4m9,he,10,2v,p,39,1,1,1,1,1,1,1,jg,1,1,pc,q,q,p' +
  'rt,1,13,1,z,1,haj,w,160v,q,q,q,q,q,1g,q,q,1g,1g,q,q,q,q,q,q,q,q,q,q,q,q,58m,b,l,w,w rad:a7' +
  'h rads:a7i rads2:a7j rs:6g8 s:2b,w,6f,1,1,1,1,1,1,1,u,49,1,5l,5c2,1,3f,1,1,1,1,1,1,1,1,1,1' +
  'e,e8,sz,q,q,2xc,mvm,1,z,1,1b,1,h96,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,' +
  'q,58m,8,o,w,w sa:2qa5 sd:2q8c shv:2qay sm:6jk sos:2qag sr:a8r ss:67,5vj,2k6n st:1dl1,1 sv:' +
  'a8s t:2c,w,6m,1,1,1,51,1,3w,1,5h,4m9,he,n,7n,1,1,1,1,1,1,1,12,ed,sz,q,q,psz,1,rk,gjx,w,1nb' +
  ',2,1,14dh,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,1oa,5,3k7,w,w,w tel:6jl th:5tm' +
  ' thz:a6s tm:6jm ts:ce,6g,1fk6 tz:x0o,1 u:2d,w,2s,1,1,1,t,1,1,1,30,1,1,1,1,1,1,1,1,1,1,1,1o' +
  ',1,z,1,1,1,1,1,1,1,1,1,1k,1,1,1,9c,53u,n,c,3w,4,3i,1,1,1,1,1,1,1,1,1,2x,1,1,1,1,1,1,1,1,1,' +
  '1,1,1,1,14v,q,q,ptm,1,hau,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w' +
  ',w uhd:2qaz up:2qah v:2e,w,l4,54d,a,7r,1,1,1,kl,g,n1,q,q,1i0,1fd,1474,w,160v,q,q,q,q,q,q,q' +
  ',q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w vi:6lh,g vii:6li,g viii:6lj,g vm:a8u vod:2q' +
  'b0 vs:2qai vy:x28,1 w:2f,w,71,1,8y,4qw,hv,4v,3z,1,1,1,1,1,1,1,1,1,f,17e,q,q,2xi,mx2,1,h9w,' +
  'w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w wb:a8t wc:2q8f,1s wz:2q' +
  '7i x:2g,w,h7,3w,5cr,1,1,1,ee,5y,g,my,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q' +
  ',q,q,q,q,q,q,58m,w,w,w xi:6lm,g xii:6ln,g y:2h,w,2s,w,2,3b,1,1,56,1,3p,5hy,1,a,2h,1,1,1,1,' +
  '1,1,1,14r,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,q,58m,w,w,w z:2i' +
  ',w,73,1,1,1,1,1,5kt,17,4q,1,1,1,1,1,i7,4,p9,q,q,174h,w,160v,q,q,q,q,q,q,q,q,q,1g,1g,q,q,q,' +
  'q,q,q,q,q,q,q,q,q,58m,w,w,w zw:b1';
