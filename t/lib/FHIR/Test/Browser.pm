# SPDX-License-Identifier: Apache-2.0
# A browser without a screen: cookies, forms, redirects. And what an application does with the
# authorization server: authorization requests, tokens, signed assertions.
package FHIR::Test::Browser;

use strict;
use warnings;
use Digest::SHA        qw(hmac_sha1 sha256);
use FHIR::Test::System qw(run work_dir write_file);
use JSON::PP           ();
use MIME::Base64       qw(encode_base64 encode_base64url);

# httpd: a FHIR::Test::Httpd, or the test itself.
sub new { my ($class, $httpd) = @_; return bless { httpd => $httpd, cookies => {} }, $class }

sub encode {
    return join '&',
        map { my ($n, $v) = @$_; s/([^A-Za-z0-9\-._~])/sprintf '%%%02X', ord $1/ge for $n, $v; "$n=$v" } @_;
}

# Pairs as a list: (a => 1, b => 2).
sub query {
    my @pairs;
    while (@_) { my ($n, $v) = splice @_, 0, 2; push @pairs, [ $n, $v ] if defined $v }
    return encode(@pairs);
}

sub decode { my ($s) = @_; $s =~ tr/+/ /; $s =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; return $s }

# The parameters of a URL's query.
sub params {
    my ($url)   = @_;
    my ($query) = $url =~ /\?([^#]*)/;
    return map { my ($n, $v) = split /=/, $_, 2; (decode($n), decode($v // '')) } split /&/, $query // '';
}

sub request {
    my ($self, $method, $url, %options) = @_;
    my %headers = %{ $options{ headers } || {} };
    $headers{ Cookie } = join '; ', map { "$_=$self->{cookies}{$_}" } sort keys %{ $self->{ cookies } }
        if %{ $self->{ cookies } };
    my $answer = $self->{ httpd }->request($method, $url, %options, headers => \%headers);
    my $set    = $answer->{ headers }{ 'set-cookie' };
    for (ref $set ? @$set : $set // ()) {
        my ($name, $value) = /^([^=]+)=([^;]*)/;
        if (length $value) { $self->{ cookies }{ $name } = $value }
        else               { delete $self->{ cookies }{ $name } }
    }
    @$self{ qw(url page) } = ($url, $answer);
    return $answer;
}

sub get { my ($self, $url, %headers) = @_; return $self->request(GET => $url, headers => \%headers) }

# POST of a form given as pairs.
sub post {
    my ($self, $url, $pairs, %headers) = @_;
    return $self->request(
        POST    => $url,
        content => query(@$pairs),
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded', %headers });
}

# Follows redirects within the server; the last answer, or the one that leads elsewhere.
sub follow {
    my ($self, $answer) = @_;
    $answer //= $self->{ page };
    for (1 .. 5) {
        my $to = $answer->status =~ /^30/ ? $answer->header('Location') : undef;
        last unless defined $to and index($to, $self->{ httpd }->url('/')) == 0 and $to !~ m{/callback};
        $answer = $self->get($to);
    }
    return $answer;
}

# The page's fields as [name, value], without buttons and switches that are off.
sub fields {
    my ($self, $form) = @_;
    my @fields;
    while ($form =~ m{<(input|select|textarea)\b([^>]*)>}g) {
        my ($kind, $tag, $end) = ($1, $2, pos $form);
        my %a = $tag =~ /\b([\w-]+)="([^"]*)"/g;
        next unless $a{ name };
        next if ($a{ type } // '') =~ /^(?:checkbox|radio)$/ and $tag !~ /\schecked/;
        my ($inner) = substr($form, $end) =~ m{^(.*?)</$kind>}s;
        my $value =
              $kind eq 'textarea' ? $inner
            : $kind eq 'select'   ? ($inner =~ /value="([^"]*)" selected/ || $inner =~ /value="([^"]*)"/ ? $1 : '')
            :                       $a{ value };
        push @fields, [ $a{ name }, unescape($value // '') ];
    }
    return @fields;
}

sub unescape {
    my ($s) = @_;
    my %c = (amp => '&', lt => '<', gt => '>', quot => '"', '#39' => "'");
    $s =~ s/&([^;]+);/$c{$1}/g;
    return $s;
}

# Presses a button of the page (name => value); other fields as they are but for those given, where a
# list sets all of that name. A third element of the button tells which of several forms: a text in it.
sub press {
    my ($self, $button, %set) = @_;
    my ($name, $value, $in) = @$button;
    my ($form) =
        grep { /<button[^>]*\bname="\Q$name\E"[^>]*\bvalue="\Q$value\E"/ and index($_, $in // '') >= 0 }
        $self->{ page }->body =~ m{<form\b.*?</form>}sg
        or die "no button $name=$value on this page:\n" . $self->{ page }->body;
    my @pairs = map { @$_ } grep { !exists $set{ $_->[ 0 ] } } $self->fields($form);
    for my $n (sort keys %set) {
        push @pairs, map { ($n => $_) } ref $set{ $n } ? @{ $set{ $n } } : $set{ $n };
    }
    return $self->follow($self->post($self->{ url }, [ @pairs, $name => $value ]));
}

sub sign_in {
    my ($self, $user, $password) = @_;
    return $self->press([ _step => 'sign-in' ], user => $user, password => $password);
}

# What an authenticator shows now for a secret in base32.
sub totp {
    my ($secret) = @_;
    my $bits = join '', map { sprintf '%05b', index 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', $_ } split //, $secret;
    my $mac  = hmac_sha1(pack('Q>', int(time / 30)), pack('B*', $bits));
    my $at   = ord(substr $mac, 19) & 15;
    return sprintf '%06d', (unpack('N', substr $mac, $at, 4) & 0x7fffffff) % 1_000_000;
}

# ---- an application ----

# A verifier and its challenge.
sub pkce {
    my $v = encode_base64url(join '', map { chr int rand 256 } 1 .. 32);
    return ($v, encode_base64url(sha256($v)));
}

sub basic {
    my ($id, $secret) = @_;
    return 'Basic ' . encode_base64(join(':', map { (query(x => $_) =~ /=(.*)/)[ 0 ] } $id, $secret), '');
}

# From the authorization request to the code: signs in, chooses a patient, agrees. Options: base, user,
# password, patient, scopes (list: what stays on), and the request's parameters. The last answer.
sub authorize {
    my ($self, $base, $params, %o) = @_;
    my $answer = $self->follow($self->get("$base/auth/authorize?" . query(%$params)));
    $answer = $self->sign_in($o{ user }, $o{ password }) if $answer->body =~ /value="sign-in"/ and $o{ user };
    if (defined $o{ find } and $answer->body =~ /id="find"/) {
        $answer = $self->press([ _step => 'find' ], _find => $o{ find });
    }
    $answer = $self->press([ _patient => $o{ patient } ])
        if $o{ patient } and $answer->body =~ /name="_patient" value="\Q$o{patient}\E"><strong/;
    return $answer if $o{ stop };
    $answer = $self->press([ _step => 'consent' ], $o{ scopes } ? (scope => $o{ scopes }) : ())
        if $answer->body =~ /value="consent"/;
    return $answer;
}

# A JWT; key: a PEM file. RS384, or ES384 for a key on P-384.
sub sign_jwt {
    my ($header, $claims, $key) = @_;
    my $json  = JSON::PP->new->canonical;
    my $input = join '.', map { encode_base64url($json->encode($_)) } $header, $claims;
    my $file  = write_file(work_dir() . '/jwt.input', $input);
    my $hash  = $header->{ alg } =~ /256/ ? '-sha256' : '-sha384';
    my $done  = run({}, 'openssl', 'dgst', $hash, '-sign', $key, '-out', "$file.sig", $file);
    die $done->{ err } if $done->{ status };
    my $signature = do { local $/; open my $in, '<:raw', "$file.sig" or die $!; <$in> };

    if ($header->{ alg } =~ /^ES(\d)/) {    # DER to r and s
        my $half = $1 == 3 ? 48 : 32;
        my ($r, $s) = unpack 'x[' . (ord(substr $signature, 1, 1) & 0x80 ? 3 : 2) . '] x C/a x C/a', $signature;
        $signature = join '', map { substr(("\0" x $half) . $_, -$half) } $r, $s;
    }
    return "$input." . encode_base64url($signature);
}

my $jti = 0;
sub assertion {
    my ($id, $audience, $key, %o) = @_;
    my %claims = (
        iss => $id,
        sub => $id,
        aud => $audience,
        exp => time + 240,
        jti => "$$-" . ++$jti . rand(),
        %{ $o{ claims } || {} });
    delete $claims{ $_ } for grep { !defined $claims{ $_ } } keys %claims;
    my %header = (alg => 'RS384', typ => 'JWT', %{ $o{ header } || {} });
    return sign_jwt(\%header, \%claims, $key);
}

1;
